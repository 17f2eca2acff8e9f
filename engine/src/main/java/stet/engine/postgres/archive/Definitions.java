package stet.engine.postgres.archive;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.postgresql.core.NativeQuery;
import org.postgresql.core.Parser;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Operation;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.catalog.AccessRights;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.process.ChildProcess;
import stet.engine.process.PrivateFiles;
import stet.repository.backend.Reason;

/**
 * The definitions of an archive as statements, for a session that already is in a transaction.
 * {@code pg_restore} prints them; it cannot run them in a transaction of ours.
 */
public final class Definitions {
  /** Settings of a script's head that would undo how our sessions are settled. */
  private static final Pattern SETTLED =
      Pattern.compile(
          "SET (statement_timeout|lock_timeout|idle_in_transaction_session_timeout"
              + "|transaction_timeout|client_encoding|standard_conforming_strings"
              + "|client_min_messages|row_security) = [^;]*");

  private static final String RESTRICT = "\\restrict ";

  private final String component;
  private final PostgresTools tools;
  private final Path file;
  private final Charset charset;
  private final List<String> options;

  /**
   * Writes the archive for pg_restore.
   *
   * @param options of pg_restore, such as {@code --no-owner}
   */
  public Definitions(
      String component,
      PostgresTools tools,
      DumpArchive archive,
      List<String> options,
      PrivateFiles files) {
    this.component = component;
    this.tools = tools;
    this.options = options;
    this.charset = charset(component, archive);
    this.file = write(archive, files);
  }

  /** Writes an archive, as it was changed, to a private file. */
  public static Path write(DumpArchive archive, PrivateFiles files) {
    Path file = files.createFile(CapturedFiles.SCHEMA);
    try (OutputStream out = Files.newOutputStream(file)) {
      archive.writeCustom(out, false, List.of(), addition -> -1);
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.FAILED,
          "cannot write " + file + ": " + Reason.of(e),
          "Set TMPDIR to a directory that is writable and has space.",
          e);
    }
    return file;
  }

  /** The encoding of the archive's text. */
  private static Charset charset(String component, DumpArchive archive) {
    for (Entry entry : archive.entries()) {
      if (entry.kind().equals("ENCODING")) {
        String encoding = entry.definition().replaceAll("(?s)^[^']*'|'.*$", "");
        // Text of no known encoding is most likely UTF-8; if not, reading it tells.
        Charset charset =
            encoding.equals("UTF8") || encoding.equals("SQL_ASCII")
                ? StandardCharsets.UTF_8
                : Transcoder.charset(encoding);
        if (charset == null) {
          throw new StetException(
              ErrorCode.FAILED,
              "the definitions of "
                  + component
                  + " are encoded in "
                  + encoding
                  + ", which cannot be read",
              "Restore where databases can be created.");
        }
        return charset;
      }
    }
    return StandardCharsets.UTF_8;
  }

  /** Runs the statements of a section: {@code pre-data} or {@code post-data}. */
  public void run(Session session, String section, Operation operation) throws SQLException {
    List<String> statements = statements(section);
    operation.progress().detail(statements.size() + " statements of " + section);
    try (Statement statement = session.connection().createStatement()) {
      statement.setEscapeProcessing(false);
      for (String sql : statements) {
        operation.checkStop();
        try {
          statement.execute(AccessRights.asMember(sql));
        } catch (SQLException e) {
          String first = sql.strip().lines().findFirst().orElse("");
          throw PostgresErrors.failed(
              "cannot restore the definitions ("
                  + section
                  + ") of "
                  + component
                  + ": "
                  + (first.length() > 120 ? first.substring(0, 120) + "…" : first),
              e);
        }
      }
    }
  }

  private List<String> statements(String section) throws SQLException {
    List<String> all = new ArrayList<>();
    ChildProcess.Builder program =
        tools.program("pg_restore").arguments("--section=" + section).arguments(options);
    if (tools.major() >= 12) {
      program.arguments("--file=-");
    }
    String script = withoutMetaCommands(decode(bytes(program.arguments(file.toString()))));
    for (NativeQuery query : Parser.parseJdbcSql(script, true, false, true, false, false)) {
      String sql = withoutComments(query.nativeSql.strip());
      if (!sql.isEmpty() && !SETTLED.matcher(sql).matches()) {
        all.add(sql);
      }
    }
    return all;
  }

  /** What pg_restore says of an entry stands in lines of its own before it. */
  private static String withoutComments(String sql) {
    String rest = sql;
    while (rest.startsWith("--")) {
      int end = rest.indexOf('\n');
      rest = end < 0 ? "" : rest.substring(end).strip();
    }
    return rest;
  }

  private static byte[] bytes(ChildProcess.Builder program) {
    try (ChildProcess child = program.start()) {
      byte[] output = child.stdout().readAllBytes();
      child.finish();
      return output;
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.SOURCE, "cannot read from pg_restore: " + e.getMessage(), null, e);
    }
  }

  private String decode(byte[] script) {
    try {
      return charset.newDecoder().decode(ByteBuffer.wrap(script)).toString();
    } catch (CharacterCodingException e) {
      throw new StetException(
          ErrorCode.FAILED,
          "the definitions of " + component + " are no text in " + charset,
          "Restore where databases can be created.",
          e);
    }
  }

  /**
   * Leaves out the two lines for psql that frame a script. They hold a word that pg_restore makes
   * up for each script, so no line of a definition is like them.
   */
  private static String withoutMetaCommands(String script) {
    int start = script.startsWith(RESTRICT) ? 0 : script.indexOf("\n" + RESTRICT) + 1;
    if (!script.startsWith(RESTRICT, start)) {
      return script;
    }
    int end = script.indexOf('\n', start);
    String word = script.substring(start + RESTRICT.length(), end);
    String last = "\n\\unrestrict " + word + "\n";
    return script.substring(0, start) + script.substring(end + 1).replace(last, "\n");
  }
}
