package stet.engine.postgres.capture;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGStatement;
import stet.engine.RowHash;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.connection.Session;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/**
 * Reads the bytes of large objects. Small ones come many at a time; big ones in pieces of one size,
 * because they are mostly changed in place. Safe for use by several threads.
 */
final class LargeObjectReader implements DataReader.Work {
  private static final int OBJECTS_PER_UNIT = 64;
  private static final int SMALL = 64 << 10;
  private static final int PIECE = 1 << 20;

  private final List<Long> oids;
  private final long bytes;
  private final BlobSink sink;
  private final Instant time;
  private final Map<Long, Content> contents = new ConcurrentHashMap<>();
  private int next;

  LargeObjectReader(List<Long> oids, long bytes, BlobSink sink, Instant time) {
    this.oids = oids;
    this.bytes = bytes;
    this.sink = sink;
    this.time = time;
  }

  /**
   * What a large object holds.
   *
   * @param hash SHA-256 as 64 hexadecimal digits
   */
  record Content(long size, String hash, List<Id> blobs) {}

  /** What was read, by OID. */
  Map<Long, Content> contents() {
    return contents;
  }

  @Override
  public long bytes() {
    return oids.isEmpty() ? 0 : bytes;
  }

  @Override
  public DataReader.@Nullable Unit take() {
    if (next == oids.size()) {
      return null;
    }
    int first = next;
    int end = Math.min(first + OBJECTS_PER_UNIT, oids.size());
    next = end;
    return worker -> {
      read(worker.session(), oids.subList(first, end));
      return bytes * end / oids.size() - bytes * first / oids.size();
    };
  }

  private void read(Session session, List<Long> some) throws SQLException {
    List<Long> big = new ArrayList<>();
    String array = some.stream().map(String::valueOf).collect(Collectors.joining(","));
    try (PreparedStatement query =
        binary(
            session,
            "SELECT o::bigint, pg_catalog.lo_get(o, 0, "
                + SMALL
                + ") FROM pg_catalog.unnest('{"
                + array
                + "}'::pg_catalog.oid[]) o")) {
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          byte[] content = rows.getBytes(2);
          if (content.length == SMALL) {
            big.add(rows.getLong(1));
          } else {
            List<Id> blobs =
                content.length == 0 ? List.of() : List.of(sink.save(BlobType.DATA, content));
            contents.put(
                rows.getLong(1), new Content(content.length, Id.of(content).toString(), blobs));
          }
        }
      }
    }
    for (long oid : big) {
      contents.put(oid, readBig(session, oid));
    }
  }

  private Content readBig(Session session, long oid) throws SQLException {
    MessageDigest hash = sha256();
    List<Id> blobs = new ArrayList<>();
    long size = 0;
    try (PreparedStatement query =
        binary(session, "SELECT pg_catalog.lo_get(" + oid + ", ?, " + PIECE + ")")) {
      while (true) {
        query.setLong(1, size);
        byte[] piece;
        try (ResultSet row = query.executeQuery()) {
          row.next();
          piece = row.getBytes(1);
        }
        if (piece.length > 0) {
          hash.update(piece);
          blobs.add(sink.save(BlobType.DATA, piece));
          size += piece.length;
        }
        if (piece.length < PIECE) {
          return new Content(size, HexFormat.of().formatHex(hash.digest()), blobs);
        }
      }
    }
  }

  /** As text, the bytes would be twice as many. */
  private static PreparedStatement binary(Session session, String sql) throws SQLException {
    PreparedStatement statement = session.connection().prepareStatement(sql);
    statement.unwrap(PGStatement.class).setPrepareThreshold(-1);
    return statement;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Saves the directory of all large objects, or gives null if there is none. */
  @Nullable Node finish(String name) {
    if (contents.size() != oids.size()) {
      throw new IllegalStateException(
          contents.size() + " large objects of " + oids.size() + " were read");
    }
    if (oids.isEmpty()) {
      return null;
    }
    List<Node> nodes = new ArrayList<>();
    contents.forEach((oid, content) ->
        nodes.add(Node.file(Long.toString(oid), time, content.size, content.blobs)));
    nodes.sort(Tree.BY_NAME);
    return Node.directory(name, time, sink.save(BlobType.TREE, Tree.encode(nodes)));
  }

  /**
   * The hash of a set of large objects: the {@link RowHash} of a row for each, {@code
   * <oid>\t<size>\t<hash>}.
   */
  static String hash(List<LargeObject> objects, RowHash.Key key) {
    RowHash sum = new RowHash(key);
    for (LargeObject object : objects) {
      byte[] row =
          (object.oid() + "\t" + object.size() + "\t" + object.hash())
              .getBytes(StandardCharsets.US_ASCII);
      sum.row(row, 0, row.length);
    }
    return sum.text();
  }
}
