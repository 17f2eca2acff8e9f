package stet.engine.postgres.rules;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.PostgresErrors;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.rows.CopyRows;
import stet.engine.rules.Evaluation;
import stet.engine.rules.Finding;
import stet.engine.rules.References;
import stet.engine.rules.Rule;
import stet.engine.rules.Rule.Name;
import stet.engine.rules.Unevaluated;

/**
 * Rules as SQL, one statement for each. It runs in the session's transaction, so at its snapshot,
 * with the search path that the application's own sessions have.
 */
public final class RuleQueries {
  private static final String EXPLAIN = "EXPLAIN ";

  private static final int LONGEST_KEY = 200;

  /** Classes of SQLSTATEs that mean: the server can make no sense of the rule, or of its values. */
  private static final Set<String> MISFITS =
      Set.of(
          "0A", // feature not supported
          "21", // cardinality violation
          "22", // data exception
          "3F", // invalid schema name
          "42", // syntax error or access rule violation
          "P0"); // raised by a function

  /**
   * A table that a rule names, found in the catalog.
   *
   * @param preferred whether it is meant even if other schemas have one of its name
   */
  private record Found(long oid, String quoted, String name, boolean preferred) {}

  /** A foreign key, by the columns of both sides. */
  private record ForeignKey(
      long child, long parent, List<String> childColumns, List<String> parentColumns) {}

  /** A rule that cannot be evaluated in this database. */
  private static final class MisfitException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String place;
    private final String fact;
    private final String hint;

    MisfitException(String place, String fact, String hint, @Nullable Throwable cause) {
      super(fact, cause);
      this.place = place;
      this.fact = fact;
      this.hint = hint;
    }

    StetException asFailure(Rule rule) {
      return new StetException(
          ErrorCode.CONFIGURATION,
          place + ": rules." + rule.name() + ": " + fact,
          hint,
          getCause());
    }
  }

  private final Session session;
  private final SearchPath path;

  /**
   * Prepares.
   *
   * @param path where the rules' names are looked for
   */
  public RuleQueries(Session session, SearchPath path) {
    this.session = session;
    this.path = path;
  }

  /**
   * Finds out whether rules can be evaluated; reads no rows.
   *
   * @throws StetException with {@code CONFIGURATION} naming what does not exist
   */
  public void check(List<Rule> rules) throws SQLException {
    String before = path.use(session);
    for (Rule rule : rules) {
      try {
        String statement = statement(rule);
        try {
          session.rows(EXPLAIN + statement, row -> row.getString(1));
        } catch (SQLException e) {
          throw misfit(rule, EXPLAIN + statement, e);
        }
      } catch (MisfitException e) {
        throw e.asFailure(rule);
      }
    }
    SearchPath.restore(session, before);
  }

  /**
   * Evaluates rules in the session's transaction.
   *
   * @throws StetException with {@code CONFIGURATION} if the server cannot make sense of a rule
   */
  public Evaluation evaluate(List<Rule> rules) throws SQLException {
    return evaluate(rules, false);
  }

  /**
   * Evaluates rules in the session's transaction, where they may be of another time than the
   * tables: what cannot be evaluated is told in the evaluation.
   */
  public Evaluation evaluateFitting(List<Rule> rules) throws SQLException {
    return evaluate(rules, true);
  }

  private Evaluation evaluate(List<Rule> rules, boolean fittingOnly) throws SQLException {
    List<Finding> findings = new ArrayList<>();
    List<References> references = new ArrayList<>();
    List<Unevaluated> unevaluated = new ArrayList<>();
    boolean done = false;
    String before = path.use(session);
    try {
      for (Rule rule : rules) {
        if (fittingOnly) {
          // An error would end the transaction.
          session.execute("SAVEPOINT rule");
        }
        try {
          evaluate(rule, findings, references);
        } catch (MisfitException e) {
          if (!fittingOnly) {
            throw e.asFailure(rule);
          }
          session.execute("ROLLBACK TO SAVEPOINT rule");
          unevaluated.add(new Unevaluated(rule, e.fact));
        }
        if (fittingOnly) {
          session.execute("RELEASE SAVEPOINT rule");
        }
      }
      SearchPath.restore(session, before);
      done = true;
      return new Evaluation(findings, references, unevaluated);
    } finally {
      if (!done) {
        references.forEach(References::close);
      }
    }
  }

  private void evaluate(Rule rule, List<Finding> findings, List<References> references)
      throws SQLException, MisfitException {
    String statement = statement(rule);
    try {
      if (rule.body() instanceof Rule.Exists) {
        references.add(references(rule, statement));
      } else {
        findings.add(finding(rule, statement));
      }
    } catch (SQLException e) {
      throw misfit(rule, statement, e);
    }
  }

  /** Evaluates in a transaction of their own those rules that fit the tables there are. */
  public static Evaluation evaluateAtOneMoment(Session session, SearchPath path, List<Rule> rules)
      throws SQLException {
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    Evaluation evaluation = new RuleQueries(session, path).evaluateFitting(rules);
    session.execute("COMMIT");
    return evaluation;
  }

  private Finding finding(Rule rule, String statement) throws SQLException {
    return session
        .rows(
            statement,
            row -> {
              String[] examples =
                  row.getArray(4) == null ? new String[0] : (String[]) row.getArray(4).getArray();
              return new Finding(
                  rule.name(),
                  rule.text(),
                  row.getLong(1),
                  hash(row.getString(2)) + hash(row.getString(3)),
                  Arrays.asList(examples),
                  null);
            })
        .getFirst();
  }

  /** A sum as 64 bits. */
  private static String hash(@Nullable String sum) {
    BigInteger value = new BigInteger(sum == null ? "0" : sum);
    return HexFormat.of().toHexDigits(value.longValue());
  }

  private References references(Rule rule, String statement) throws SQLException {
    return References.keep(
        rule,
        sink -> {
          List<java.io.IOException> failure = new ArrayList<>();
          CopyRows.read(
              session,
              "COPY (" + statement + ") TO STDOUT (ENCODING 'UTF8')",
              (source, offset, length) -> {
                String line = new String(source, offset, length - 1, StandardCharsets.UTF_8);
                String[] fields = line.split("\t", 3);
                try {
                  if (failure.isEmpty()) {
                    sink.accept(
                        HexFormat.of().parseHex(fields[0]), Long.parseLong(fields[1]), fields[2]);
                  }
                } catch (java.io.IOException e) {
                  failure.add(e);
                }
              });
          if (!failure.isEmpty()) {
            throw failure.getFirst();
          }
        });
  }

  /** What the server has against a rule; anything else is no fault of the rule, and thrown. */
  private static MisfitException misfit(Rule rule, String statement, SQLException e) {
    if (Thread.currentThread().isInterrupted()) {
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
    String state = String.valueOf(e.getSQLState());
    if (state.length() != 5 || !MISFITS.contains(state.substring(0, 2))) {
      throw PostgresErrors.failed("cannot evaluate rule \"" + rule.name() + "\"", e);
    }
    ServerErrorMessage server =
        e instanceof PSQLException postgres ? postgres.getServerErrorMessage() : null;
    return new MisfitException(
        place(rule, statement, server == null ? 0 : server.getPosition()),
        PostgresErrors.text(e),
        server == null || server.getHint() == null
            ? "The rule is evaluated as: " + statement.replace(EXPLAIN, "").replace("\n", " ")
            : server.getHint(),
        e);
  }

  /** Where the rule's own SQL is wrong, if that is what the server complains about. */
  private static String place(Rule rule, String statement, int position) {
    List<Rule.Sql> pieces = new ArrayList<>();
    switch (rule.body()) {
      case Rule.Has has when has.where() != null -> pieces.add(has.where());
      case Rule.None none -> pieces.add(none.where());
      case Rule.Unique unique -> {
        pieces.add(unique.expression());
        if (unique.where() != null) {
          pieces.add(unique.where());
        }
      }
      default -> {}
    }
    for (Rule.Sql piece : pieces) {
      for (int at = statement.indexOf(piece.text());
          at >= 0;
          at = statement.indexOf(piece.text(), at + 1)) {
        // The server counts characters from one.
        int inside = position - 1 - statement.codePointCount(0, at);
        if (inside >= 0 && inside < piece.text().codePointCount(0, piece.text().length())) {
          return rule.places().apply(piece.offset() + piece.text().offsetByCodePoints(0, inside));
        }
      }
    }
    return rule.place();
  }

  /**
   * A statement that gives how many violations there are, two sums that are their hash, and some of
   * them; for {@code exists in} all values with their rows.
   */
  private String statement(Rule rule) throws SQLException, MisfitException {
    return switch (rule.body()) {
      case Rule.Has has -> violations(has(rule, has));
      case Rule.Refers refers -> violations(refers(rule, refers));
      case Rule.Exists exists -> exists(rule, exists);
      case Rule.Unique unique -> violations(unique(rule, unique));
      case Rule.None none -> violations(none(rule, none));
    };
  }

  private static String violations(String query) {
    return "WITH bad (what) AS ("
        + query
        + ") SELECT count(*), sum(('x' || substr(md5(what), 1, 16))::bit(64)::bigint::numeric),"
        + " sum(('x' || substr(md5(what), 17, 16))::bit(64)::bigint::numeric),"
        + " (SELECT array_agg(what) FROM (SELECT what FROM bad ORDER BY what COLLATE \"C\" LIMIT "
        + Finding.EXAMPLES
        + ") AS examples) FROM bad";
  }

  private String has(Rule rule, Rule.Has has) throws SQLException, MisfitException {
    Found table = table(rule, has.table());
    Found counted = table(rule, has.counted());
    ForeignKey key = foreignKey(rule, has, table, counted);
    boolean child = key.child() == counted.oid() && key.parent() == table.oid();
    List<String> own = child ? key.parentColumns() : key.childColumns();
    List<String> other = child ? key.childColumns() : key.parentColumns();
    String join =
        IntStream.range(0, own.size())
            .mapToObj(i -> "each_row." + SqlText.name(own.get(i)) + " = counted.c" + i)
            .collect(Collectors.joining(" AND "));
    String columns =
        IntStream.range(0, other.size())
            .mapToObj(i -> counted.name() + "." + SqlText.name(other.get(i)) + " AS c" + i)
            .collect(Collectors.joining(", "));
    String group =
        IntStream.range(0, other.size())
            .mapToObj(i -> Integer.toString(i + 1))
            .collect(Collectors.joining(", "));
    String count = "coalesce(counted.n, 0)";
    return "SELECT "
        + key(table, "each_row")
        + " || ' has ' || "
        + count
        + " FROM "
        + table.quoted()
        + " each_row LEFT JOIN (SELECT "
        + columns
        + ", count(*) AS n FROM "
        + counted.quoted()
        + condition(has.where())
        + " GROUP BY "
        + group
        + ") counted ON "
        + join
        + " WHERE "
        + count
        + " < "
        + has.count().least()
        + (has.count().most() == Long.MAX_VALUE ? "" : " OR " + count + " > " + has.count().most());
  }

  private String refers(Rule rule, Rule.Refers refers) throws SQLException, MisfitException {
    Found table = table(rule, refers.table());
    Found target = table(rule, refers.target());
    String column = column(rule, table, refers.column());
    String targetColumn = column(rule, target, refers.targetColumn());
    return "SELECT "
        + key(table, "each_row")
        + " || ': ' || each_row."
        + column
        + "::text FROM "
        + table.quoted()
        + " each_row WHERE each_row."
        + column
        + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
        + target.quoted()
        + " target WHERE target."
        + targetColumn
        + " = each_row."
        + column
        + ")";
  }

  private String exists(Rule rule, Rule.Exists exists) throws SQLException, MisfitException {
    Found table = table(rule, exists.table());
    String column = "each_row." + column(rule, table, exists.column()) + "::text";
    String encoding = session.value("SHOW server_encoding");
    String bytes = "SQL_ASCII".equals(encoding) ? "'SQL_ASCII'" : "'UTF8'";
    return "SELECT encode(convert_to("
        + column
        + ", "
        + bytes
        + "), 'hex'), count(*), min("
        + key(table, "each_row")
        + ") FROM "
        + table.quoted()
        + " each_row WHERE "
        + column
        + " <> '' GROUP BY "
        + column
        + " ORDER BY convert_to(translate("
        + column
        + ", '/', E'\\x01'), "
        + bytes
        + ")";
  }

  private String unique(Rule rule, Rule.Unique unique) throws SQLException, MisfitException {
    Found table = table(rule, unique.table());
    String expression = "(" + unique.expression().text() + "\n)";
    return "SELECT left("
        + expression
        + "::text, "
        + LONGEST_KEY
        + ") || ' has ' || count(*) || ' rows' FROM "
        + table.quoted()
        + " WHERE "
        + expression
        + " IS NOT NULL"
        + (unique.where() == null ? "" : " AND (" + unique.where().text() + "\n)")
        + " GROUP BY "
        + expression
        + " HAVING count(*) > 1";
  }

  private String none(Rule rule, Rule.None none) throws SQLException, MisfitException {
    Found table = table(rule, none.table());
    return "SELECT "
        + key(table, table.name())
        + " FROM "
        + table.quoted()
        + condition(none.where());
  }

  private static String condition(Rule.@Nullable Sql where) {
    return where == null ? "" : " WHERE (" + where.text() + "\n)";
  }

  /** SQL for what tells a row: its primary key, or else all of it. */
  private String key(Found table, String alias) throws SQLException {
    List<String> columns = primaryKey(table);
    if (columns.isEmpty()) {
      return "left(" + alias + "::text, " + LONGEST_KEY + ")";
    }
    String names =
        columns.stream()
            .map(column -> alias + "." + SqlText.name(column))
            .collect(Collectors.joining(", "));
    return columns.size() == 1 ? names + "::text" : "ROW(" + names + ")::text";
  }

  /** The columns of a primary key in order; none if there is none. */
  private List<String> primaryKey(Found table) throws SQLException {
    return session.rows(
        "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a"
            + " ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
            + " WHERE i.indrelid = ? AND i.indisprimary"
            + " ORDER BY pg_catalog.array_position(i.indkey::pg_catalog.int2[], a.attnum)",
        row -> row.getString(1),
        table.oid());
  }

  /**
   * The table of a name: the one that the search path leads to, else that of schema public, else
   * the only one.
   */
  private Found table(Rule rule, Rule.Table table) throws SQLException, MisfitException {
    String schema = table.schema() == null ? "" : table.schema().text();
    List<Found> found =
        session.rows(
            "SELECT c.oid::bigint, n.nspname, c.relname,"
                + " pg_catalog.pg_table_is_visible(c.oid) FROM pg_catalog.pg_class c"
                + " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE c.relname::text = ? AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
                + " AND (n.nspname::text = ? OR (? = '' AND n.nspname !~ '^pg_'"
                + "   AND n.nspname <> 'information_schema'))"
                + " ORDER BY 4 DESC, n.nspname = 'public' DESC, n.nspname",
            row ->
                new Found(
                    row.getLong(1),
                    SqlText.name(row.getString(2), row.getString(3)),
                    SqlText.name(row.getString(3)),
                    row.getBoolean(4) || row.getString(2).equals("public")),
            table.name().text(),
            schema,
            schema);
    Name first = table.schema() == null ? table.name() : table.schema();
    if (found.isEmpty()) {
      List<String> near =
          session.rows(
              "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c"
                  + " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                  + " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'"
                  + " AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 20",
              row -> row.getString(1));
      throw wrong(
          rule,
          first,
          "there is no table " + table,
          near.isEmpty() ? "The database has no tables." : "There is: " + list(near) + ".");
    }
    if (found.size() > 1 && !found.getFirst().preferred()) {
      throw wrong(
          rule,
          first,
          "more than one schema has a table " + table,
          "Name the schema: " + list(found.stream().map(Found::quoted).toList()) + ".");
    }
    return found.getFirst();
  }

  private static String list(List<String> names) {
    return String.join(", ", names) + (names.size() == 20 ? ", …" : "");
  }

  /** The quoted name of a column that exists. */
  private String column(Rule rule, Found table, Name column) throws SQLException, MisfitException {
    List<String> columns =
        session.rows(
            "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = ? AND attnum > 0"
                + " AND NOT attisdropped ORDER BY attnum",
            row -> row.getString(1),
            table.oid());
    if (!columns.contains(column.text())) {
      throw wrong(
          rule,
          column,
          "table " + table.quoted() + " has no column " + column,
          "It has: " + String.join(", ", columns) + ".");
    }
    return SqlText.name(column.text());
  }

  /** The foreign key between two tables, in either direction. */
  private ForeignKey foreignKey(Rule rule, Rule.Has has, Found table, Found counted)
      throws SQLException, MisfitException {
    String columns =
        "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.%s) WITH ORDINALITY"
            + " k (number, place) JOIN pg_catalog.pg_attribute a"
            + " ON a.attrelid = c.%s AND a.attnum = k.number)";
    List<ForeignKey> keys =
        session.rows(
            "SELECT c.conrelid::bigint, c.confrelid::bigint, "
                + columns.formatted("conkey", "conrelid")
                + ", "
                + columns.formatted("confkey", "confrelid")
                + " FROM pg_catalog.pg_constraint c WHERE c.contype = 'f'"
                + " AND (c.conrelid = ? AND c.confrelid = ? OR c.conrelid = ? AND c.confrelid = ?)"
                + " ORDER BY c.conname",
            row ->
                new ForeignKey(
                    row.getLong(1),
                    row.getLong(2),
                    List.of((String[]) row.getArray(3).getArray()),
                    List.of((String[]) row.getArray(4).getArray())),
            counted.oid(),
            table.oid(),
            table.oid(),
            counted.oid());
    Name via = has.via();
    List<ForeignKey> fitting =
        via == null
            ? keys
            : keys.stream().filter(key -> key.childColumns().contains(via.text())).toList();
    if (fitting.size() == 1) {
      return fitting.getFirst();
    }
    Name place = via == null ? has.counted().name() : via;
    if (via != null && fitting.isEmpty()) {
      return declared(rule, via, table, counted);
    }
    throw wrong(
        rule,
        place,
        (fitting.isEmpty() ? "there is no foreign key" : "there is more than one foreign key")
            + " between "
            + table.quoted()
            + " and "
            + counted.quoted(),
        "Name the column that refers to the other table: `via COLUMN`"
            + (fitting.isEmpty()
                ? "."
                : ", which is one of "
                    + String.join(
                        ", ", keys.stream().flatMap(k -> k.childColumns().stream()).toList())
                    + "."));
  }

  /** A reference that no constraint declares: from {@code via} to a primary key of one column. */
  private ForeignKey declared(Rule rule, Name via, Found table, Found counted)
      throws SQLException, MisfitException {
    column(rule, counted, via);
    List<String> primary = primaryKey(table);
    if (primary.size() != 1) {
      throw wrong(
          rule,
          via,
          "table "
              + table.quoted()
              + " has no primary key of one column that "
              + via
              + " could refer to",
          "Write the rule with `none in` and SQL.");
    }
    return new ForeignKey(counted.oid(), table.oid(), List.of(via.text()), primary);
  }

  private static MisfitException wrong(Rule rule, Name at, String fact, String hint) {
    return new MisfitException(rule.places().apply(at.offset()), fact, hint, null);
  }
}
