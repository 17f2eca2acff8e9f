package stet.engine.postgres.restore;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Operation;
import stet.engine.postgres.catalog.AccessRights;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.repository.tree.Node;

/** Creates large objects with their captured OIDs, bytes, owners, privileges and comments. */
public final class LargeObjectLoader {
  /** Every object takes a lock until its transaction ends, and the lock table is finite. */
  private static final int OBJECTS_PER_TRANSACTION = 200;

  private final CapturedFiles files;
  private final Operation operation;
  private final Map<String, Node> contents = new HashMap<>();
  private final Deque<LargeObject> queue = new ArrayDeque<>();

  public LargeObjectLoader(
      CapturedFiles files, DatabaseDescription description, Operation operation) {
    this.files = files;
    this.operation = operation;
    queue.addAll(description.largeObjects());
    if (!queue.isEmpty()) {
      Node directory = files.find(CapturedFiles.LARGE_OBJECTS);
      if (directory == null) {
        throw files.missing(CapturedFiles.LARGE_OBJECTS);
      }
      files.list(directory).forEach(node -> contents.put(node.name(), node));
    }
  }

  /** The bytes of all objects that are still to be created. */
  synchronized long bytes() {
    return queue.stream().mapToLong(LargeObject::size).sum();
  }

  private synchronized @Nullable LargeObject take() {
    return queue.poll();
  }

  /** Creates objects until there are no more. */
  void work(Session session) throws SQLException {
    session.connection().setAutoCommit(false);
    int pending = 0;
    for (LargeObject object = take(); object != null; object = take()) {
      operation.checkStop();
      create(session, object);
      if (++pending == OBJECTS_PER_TRANSACTION) {
        session.connection().commit();
        pending = 0;
      }
    }
    session.connection().commit();
    session.connection().setAutoCommit(true);
  }

  /** Creates all objects in the transaction that the session is in. */
  public void workWithin(Session session) throws SQLException {
    for (LargeObject object = take(); object != null; object = take()) {
      operation.checkStop();
      create(session, object);
    }
  }

  private void create(Session session, LargeObject object) throws SQLException {
    try {
      write(session, object);
    } catch (SQLException e) {
      throw PostgresErrors.failed("cannot load large object " + object.oid(), e);
    }
  }

  private void write(Session session, LargeObject object) throws SQLException {
    long oid = object.oid();
    Node file = contents.get(Long.toString(oid));
    if (file == null) {
      throw files.missing(CapturedFiles.LARGE_OBJECTS + "/" + oid);
    }
    session.value("SELECT pg_catalog.lo_create(?::bigint::pg_catalog.oid)", oid);
    try (PreparedStatement put =
        session
            .connection()
            .prepareStatement("SELECT pg_catalog.lo_put(?::bigint::pg_catalog.oid, ?, ?)")) {
      long[] offset = {0};
      files
          .source()
          .read(
              file.content(),
              bytes -> {
                put.setLong(1, oid);
                put.setLong(2, offset[0]);
                put.setBytes(3, bytes);
                put.execute();
                offset[0] += bytes.length;
                operation.progress().advance(bytes.length);
              });
    }
    String name = "LARGE OBJECT " + oid;
    StringBuilder sql =
        new StringBuilder("ALTER " + name + " OWNER TO " + SqlText.name(object.owner()) + ";");
    for (String statement :
        AccessRights.statements(name, object.owner(), List.of(), object.acl())) {
      sql.append(AccessRights.asMember(statement)).append(';');
    }
    if (object.comment() != null) {
      sql.append("COMMENT ON " + name + " IS " + SqlText.literal(object.comment()) + ";");
    }
    for (SecurityLabel label : object.labels()) {
      sql.append("SECURITY LABEL FOR " + SqlText.name(label.provider()) + " ON " + name + " IS ")
          .append(SqlText.literal(label.label()))
          .append(';');
    }
    session.execute(sql.toString());
  }
}
