package stet.cli.demo;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.postgresql.core.Utils;
import stet.engine.process.ChildProcess;

/**
 * What the shop is at one moment, found out without any of Stet's own code: by {@code pg_dump}, SQL
 * and a walk over the files.
 *
 * @param dumpLines how many lines {@code pg_dump} prints
 * @param dump the SHA-256 of these lines, sorted
 * @param rows how many rows all tables and materialized views hold
 * @param tables each one's count of rows and hash of their text
 * @param sequences each sequence's state
 * @param largeObjects each large object's owner, comment and hash
 * @param files each file's type, mode, owner, time, links, size and hash, by its path
 * @param fileBytes what the files hold
 * @param intactDocuments how many rows name a file that is there with the recorded hash
 * @param documents how many rows name a file
 */
record Evidence(
    long dumpLines,
    String dump,
    long rows,
    Map<String, String> tables,
    Map<String, String> sequences,
    Map<String, String> largeObjects,
    Map<String, String> files,
    long fileBytes,
    long intactDocuments,
    long documents) {

  /** As a shell command, what the text of {@code pg_dump} is hashed by. */
  static final String DUMP_FILTER = "grep -avE '^\\\\(un)?restrict ' | LC_ALL=C sort | sha256sum";

  /**
   * One aspect of two states.
   *
   * @param name what was compared
   * @param compared how many things there were
   * @param different those that are missing, new or not the same
   */
  record Comparison(String name, long compared, List<String> different) {
    private static final List<String> TEXT = List.of("the lines' hash");

    /** Whether the things that differ were told one by one. */
    boolean countsDifferences() {
      return !different.equals(TEXT);
    }
  }

  /**
   * Takes it.
   *
   * @param pg the program that runs clients of the shop's database
   */
  static Evidence take(Connection connection, Path pg, Path media)
      throws SQLException, IOException {
    ByteLines dump = dump(pg);
    Map<String, String> tables = new TreeMap<>();
    long rows = tables(connection, tables);
    Map<String, String> files = new TreeMap<>();
    long bytes = files(media, files);
    List<List<String>> documents = query(connection, "select file, sha256 from documents");
    long intact =
        documents.stream()
            .filter(row -> Files.isRegularFile(media.resolve(row.get(0))))
            .filter(row -> Media.sha256(media.resolve(row.get(0))).equals(row.get(1)))
            .count();
    return new Evidence(
        dump.count(),
        dump.sha256(),
        rows,
        tables,
        sequences(connection),
        largeObjects(connection),
        files,
        bytes,
        intact,
        documents.size());
  }

  private record ByteLines(long count, String sha256) {}

  private static ByteLines dump(Path pg) throws IOException {
    long lines;
    MessageDigest digest = Media.sha256();
    try (ChildProcess dump =
            ChildProcess.of(Path.of("sh")).arguments(pg.toString(), "pg_dump").start();
        ChildProcess sort =
            ChildProcess.of(Path.of("sort"))
                .environment(Map.of("LC_ALL", "C"))
                .withInput()
                .start()) {
      try (InputStream text = new BufferedInputStream(dump.stdout(), 1 << 16);
          OutputStream sorter = new BufferedOutputStream(sort.stdin(), 1 << 16)) {
        lines = copyLines(text, sorter);
      }
      dump.finish();
      byte[] buffer = new byte[1 << 16];
      for (int n = sort.stdout().read(buffer); n >= 0; n = sort.stdout().read(buffer)) {
        digest.update(buffer, 0, n);
      }
      sort.finish();
    }
    return new ByteLines(lines, HexFormat.of().formatHex(digest.digest()));
  }

  /** Leaves out the lines with a key that each {@code pg_dump} makes up anew. */
  private static long copyLines(InputStream from, OutputStream to) throws IOException {
    long lines = 0;
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = from.read(); b >= 0; b = from.read()) {
      line.write(b);
      if (b == '\n') {
        String start =
            new String(
                line.toByteArray(), 0, Math.min(line.size(), 12), StandardCharsets.ISO_8859_1);
        if (!start.startsWith("\\restrict ") && !start.startsWith("\\unrestrict ")) {
          line.writeTo(to);
          lines++;
        }
        line.reset();
      }
    }
    line.writeTo(to);
    return lines;
  }

  private static long tables(Connection connection, Map<String, String> tables)
      throws SQLException {
    long rows = 0;
    for (List<String> table :
        query(
            connection,
            """
            select n.nspname, c.relname, c.relispopulated
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            """)) {
      String name = identifier(table.get(0)) + "." + identifier(table.get(1));
      if (table.get(2).equals("f")) {
        tables.put(name, "not populated");
        continue;
      }
      List<String> state =
          query(
                  connection,
                  """
                  select count(*),
                    sum(('x' || left(md5(stet::text), 15))::bit(60)::bigint),
                    sum(('x' || right(md5(stet::text), 15))::bit(60)::bigint)
                  from only %s as stet
                  """
                      .formatted(name))
              .getFirst();
      rows += Long.parseLong(state.getFirst());
      tables.put(name, String.join(" ", state));
    }
    return rows;
  }

  private static Map<String, String> sequences(Connection connection) throws SQLException {
    Map<String, String> sequences = new TreeMap<>();
    for (List<String> sequence :
        query(
            connection,
            """
            select schemaname, sequencename, concat_ws(' ', data_type, start_value, min_value,
              max_value, increment_by, cycle, cache_size)
            from pg_sequences
            """)) {
      String name = identifier(sequence.get(0)) + "." + identifier(sequence.get(1));
      List<String> state =
          query(connection, "select last_value, is_called from " + name).getFirst();
      sequences.put(name, sequence.get(2) + " " + String.join(" ", state));
    }
    return sequences;
  }

  private static Map<String, String> largeObjects(Connection connection) throws SQLException {
    Map<String, String> objects = new TreeMap<>();
    for (List<String> object :
        query(
            connection,
            """
            select oid, pg_get_userbyid(lomowner), md5(lo_get(oid)), lomacl,
              obj_description(oid, 'pg_largeobject')
            from pg_largeobject_metadata
            """)) {
      objects.put(object.getFirst(), String.join(" ", object));
    }
    return objects;
  }

  private static String identifier(String name) throws SQLException {
    return Utils.escapeIdentifier(null, name).toString();
  }

  private static List<List<String>> query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      int columns = result.getMetaData().getColumnCount();
      List<List<String>> rows = new ArrayList<>();
      while (result.next()) {
        List<String> row = new ArrayList<>();
        for (int i = 1; i <= columns; i++) {
          row.add(Objects.requireNonNullElse(result.getString(i), "null"));
        }
        rows.add(row);
      }
      return rows;
    }
  }

  private static long files(Path root, Map<String, String> files) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(root)) {
      all = walk.toList();
    }
    long bytes = 0;
    for (Path path : all) {
      Map<String, Object> found = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
      List<Object> state = new ArrayList<>();
      for (String name : List.of("mode", "uid", "gid", "lastModifiedTime")) {
        state.add(String.valueOf(found.get(name)));
      }
      if (Objects.equals(found.get("isSymbolicLink"), true)) {
        state.add(Files.readSymbolicLink(path));
      } else if (Objects.equals(found.get("isRegularFile"), true)) {
        state.add(String.valueOf(found.get("nlink")));
        state.add(Media.sha256(path));
        bytes += Files.size(path);
      }
      files.put(root.relativize(path).toString(), state.toString());
    }
    return bytes;
  }

  /** Compares a later state with this one. */
  List<Comparison> compare(Evidence later) {
    return List.of(
        new Comparison(
            "lines of pg_dump",
            dumpLines,
            dump.equals(later.dump) && dumpLines == later.dumpLines ? List.of() : Comparison.TEXT),
        new Comparison("tables, all rows", tables.size(), different(tables, later.tables)),
        new Comparison("sequences", sequences.size(), different(sequences, later.sequences)),
        new Comparison(
            "large objects", largeObjects.size(), different(largeObjects, later.largeObjects)),
        new Comparison("files, links, directories", files.size(), different(files, later.files)));
  }

  private static List<String> different(Map<String, String> before, Map<String, String> after) {
    TreeSet<String> names = new TreeSet<>(before.keySet());
    names.addAll(after.keySet());
    names.removeIf(name -> Objects.equals(before.get(name), after.get(name)));
    return List.copyOf(names);
  }
}
