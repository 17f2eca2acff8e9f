package stet.engine.postgres.capture;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.SegmentGeometry;

/**
 * Fingerprints of all that the text of a table's rows depends on besides the rows themselves, as
 * the catalogs have it now: a column's default that no row stores, an enum's labels, the version of
 * the server and of extensions. What has the same fingerprint at two times, and the same rows, has
 * the same text.
 *
 * <p>Some text depends on more than can be looked at, such as that of {@code regclass} on the names
 * of all tables. Tables with such columns have no fingerprint.
 */
final class RowShapes {
  /** Changes whenever captures put rows into text or segments otherwise than before. */
  private static final String FORMAT = "rows 1";

  private static final long FIRST_USER_OID = 16_384;

  /** Built-in types whose text is a name in the catalogs. */
  private static final Set<Long> NAMES =
      Set.of(24L, 2202L, 2203L, 2204L, 2205L, 2206L, 3734L, 3769L, 4089L, 4096L, 4191L, 1033L);

  private record Type(
      String name,
      String kind,
      long base,
      long element,
      long subtype,
      boolean array,
      long composite,
      @Nullable String extension) {}

  private record Attribute(long relation, String text, long type) {}

  private final String common;
  private final Map<Long, Type> types = new HashMap<>();
  private final Map<Long, String> labels = new HashMap<>();
  private final Map<Long, List<Attribute>> attributes = new HashMap<>();
  private final Map<Long, List<Attribute>> columns = new HashMap<>();

  /** A type that no fingerprint can be made of. */
  private static final class UnfitException extends Exception {
    private static final long serialVersionUID = 1L;

    UnfitException(String message) {
      super(message);
    }
  }

  /**
   * A table's fingerprint.
   *
   * @param hash 64 hexadecimal digits, or null if it has none
   * @param reason why it has none, or null
   */
  record Shape(@Nullable String hash, @Nullable String reason) {}

  /**
   * Reads the catalogs of a server of version 14 or newer.
   *
   * @param session one that sees them as they are now, not as of an earlier moment
   */
  RowShapes(Session session) throws SQLException {
    common =
        String.join(
            "\n",
            FORMAT,
            Integer.toString(SegmentGeometry.BLOCKS_PER_SEGMENT),
            String.valueOf(
                session.value(
                    "SELECT pg_catalog.concat_ws(E'\\n', pg_catalog.version(),"
                        + " pg_catalog.getdatabaseencoding(),"
                        + " pg_catalog.current_setting('lc_monetary'),"
                        + " pg_catalog.current_setting('block_size'))")));
    session
        .rows(
            """
            SELECT t.oid::bigint, t.typname, t.typtype::text, t.typbasetype::bigint, t.typelem::bigint,
              coalesce(r.rngsubtype, m.rngsubtype, 0)::bigint, p.proname = 'array_out',
              CASE WHEN c.relkind = 'c' THEN c.oid::bigint ELSE 0 END,
              (SELECT e.extname || ' ' || e.extversion FROM pg_catalog.pg_depend d
                JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
                  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                  AND d.deptype = 'e')
            FROM pg_catalog.pg_type t
            JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput
            LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
            LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
            LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
            """,
            row ->
                Map.entry(
                    row.getLong(1),
                    new Type(
                        row.getString(2),
                        row.getString(3),
                        row.getLong(4),
                        row.getLong(5),
                        row.getLong(6),
                        row.getBoolean(7),
                        row.getLong(8),
                        row.getString(9))))
        .forEach(entry -> types.put(entry.getKey(), entry.getValue()));
    session
        .rows(
            """
            SELECT enumtypid::bigint, pg_catalog.array_agg(oid::text || ' ' || enumlabel ORDER BY oid)::text
            FROM pg_catalog.pg_enum GROUP BY 1
            """,
            row -> Map.entry(row.getLong(1), row.getString(2)))
        .forEach(entry -> labels.put(entry.getKey(), entry.getValue()));
    readAttributes(session, "c.relkind = 'c'", attributes);
    readAttributes(session, "c.relkind = 'r' AND c.relpersistence = 'p'", columns);
  }

  private static void readAttributes(Session session, String which, Map<Long, List<Attribute>> into)
      throws SQLException {
    for (Attribute attribute :
        session.rows(
            """
            SELECT a.attrelid::bigint, a.atttypid::bigint,
              ROW(a.attnum, a.attname, a.atttypid, a.atttypmod, a.attisdropped,
                a.attgenerated, a.atthasmissing, a.attmissingval::text)::text
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            WHERE a.attnum > 0 AND a.attrelid >= 16384 AND %s
            ORDER BY a.attrelid, a.attnum
            """
                .formatted(which),
            row -> new Attribute(row.getLong(1), row.getString(3), row.getLong(2)))) {
      into.computeIfAbsent(attribute.relation(), k -> new ArrayList<>()).add(attribute);
    }
  }

  /** The fingerprint of a table's rows. */
  Shape of(long table) {
    StringBuilder text = new StringBuilder(common);
    try {
      for (Attribute column : columns.getOrDefault(table, List.of())) {
        text.append('\n').append(column.text()).append(' ');
        describe(column.type(), text, new HashSet<>());
      }
    } catch (UnfitException e) {
      return new Shape(null, e.getMessage());
    }
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(text.toString().getBytes(StandardCharsets.UTF_8));
      return new Shape(HexFormat.of().formatHex(digest), null);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private void describe(long oid, StringBuilder text, Set<Long> within) throws UnfitException {
    if (oid == 0) {
      text.append("dropped"); // its values have no text any more
      return;
    }
    Type type = types.get(oid);
    if (type == null || !within.add(oid)) {
      throw new UnfitException("a column has type " + oid + ", which cannot be looked at");
    }
    if (NAMES.contains(oid)) {
      throw new UnfitException(
          "the text of type " + type.name() + " depends on names in the catalogs");
    }
    text.append(oid).append('(');
    switch (type.kind()) {
      case "e" -> text.append(labels.get(oid));
      case "d" -> describe(type.base(), text, within);
      case "r", "m" -> describe(type.subtype(), text, within);
      case "c" -> {
        if (type.composite() == 0) {
          throw new UnfitException("type " + type.name() + " is the row of a table");
        }
        for (Attribute attribute : attributes.getOrDefault(type.composite(), List.of())) {
          text.append(attribute.text()).append(' ');
          describe(attribute.type(), text, within);
        }
      }
      case "b" -> {
        if (type.array()) {
          describe(type.element(), text, within);
        } else if (type.extension() != null) {
          text.append(type.name()).append(' ').append(type.extension());
        } else if (oid >= FIRST_USER_OID) {
          throw new UnfitException("type " + type.name() + " is of somebody's own making");
        }
      }
      default -> throw new UnfitException("type " + type.name() + " cannot be looked at");
    }
    text.append(')');
    within.remove(oid);
  }
}
