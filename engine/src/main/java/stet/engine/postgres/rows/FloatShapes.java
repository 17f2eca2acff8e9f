package stet.engine.postgres.rows;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.rows.FloatText.ArrayOf;
import stet.engine.postgres.rows.FloatText.ManyNumbers;
import stet.engine.postgres.rows.FloatText.OneNumber;
import stet.engine.postgres.rows.FloatText.RangeOf;
import stet.engine.postgres.rows.FloatText.RecordOf;
import stet.engine.postgres.rows.FloatText.Shape;

/** Finds out from the catalogs where the text of a table's rows has floating-point numbers. */
public final class FloatShapes {
  /** The first version that prints them with the fewest digits that tell them apart. */
  public static final int SHORTEST_SINCE = 120000;

  /** The manifest's member that says in which form floating-point numbers were hashed. */
  public static final String MANIFEST_KEY = "hashed_floats";

  /** Its value for {@link FloatText}; without it, they were hashed as the server prints them. */
  public static final String BITS = "bits";

  /** A type as far as it matters here. */
  private record Type(
      String output, long base, long element, char delimiter, long subtype, long relation) {}

  private record Column(long relation, String name, long type) {}

  private final Map<Long, Type> types = new HashMap<>();
  private final Map<Long, List<Column>> columns = new HashMap<>();

  /** Reads the catalogs. */
  public FloatShapes(Session session) throws SQLException {
    session
        .rows(
            """
            SELECT t.oid::bigint, p.proname, t.typbasetype::bigint, t.typelem::bigint, t.typdelim::text,
              coalesce(r.rngsubtype, 0)::bigint, t.typrelid::bigint
            FROM pg_catalog.pg_type t
            JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput
            LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
            """,
            row ->
                Map.entry(
                    row.getLong(1),
                    new Type(
                        row.getString(2),
                        row.getLong(3),
                        row.getLong(4),
                        row.getString(5).charAt(0),
                        row.getLong(6),
                        row.getLong(7))))
        .forEach(entry -> types.put(entry.getKey(), entry.getValue()));
    for (Column column :
        session.rows(
            """
            SELECT attrelid::bigint, attname, atttypid::bigint FROM pg_catalog.pg_attribute
            WHERE attnum > 0 AND NOT attisdropped AND attrelid >= 16384
            ORDER BY attrelid, attnum
            """,
            row -> new Column(row.getLong(1), row.getString(2), row.getLong(3)))) {
      columns.computeIfAbsent(column.relation(), k -> new ArrayList<>()).add(column);
    }
  }

  /**
   * The conversion of a table's rows, or null where they have no floating-point numbers.
   *
   * @param relation the table's OID
   * @param names its columns in the order of their text
   */
  public @Nullable FloatText of(long relation, List<String> names) {
    Map<String, Column> byName = new HashMap<>();
    columns.getOrDefault(relation, List.of()).forEach(column -> byName.put(column.name(), column));
    List<@Nullable Shape> shapes = new ArrayList<>();
    for (String name : names) {
      Column column = byName.get(name);
      shapes.add(column == null ? null : shape(column.type()));
    }
    return shapes.stream().allMatch(Objects::isNull) ? null : new FloatText(shapes);
  }

  private @Nullable Shape shape(long oid) {
    Type type = types.get(oid);
    if (type == null) {
      return null;
    }
    if (type.base() != 0) {
      return shape(type.base());
    }
    if (type.subtype() != 0) {
      Shape bound = shape(type.subtype());
      return bound == null ? null : new RangeOf(bound);
    }
    return switch (type.output()) {
      case "float4out" -> new OneNumber(true);
      case "float8out" -> new OneNumber(false);
      case "point_out",
          "lseg_out",
          "path_out",
          "box_out",
          "poly_out",
          "line_out",
          "circle_out",
          "cube_out" ->
          new ManyNumbers();
      case "array_out" -> {
        Shape element = shape(type.element());
        yield element == null ? null : new ArrayOf(element, type.delimiter());
      }
      case "record_out" -> {
        List<@Nullable Shape> attributes = new ArrayList<>();
        for (Column attribute : columns.getOrDefault(type.relation(), List.of())) {
          attributes.add(shape(attribute.type()));
        }
        yield attributes.stream().allMatch(Objects::isNull) ? null : new RecordOf(attributes);
      }
      default -> null;
    };
  }
}
