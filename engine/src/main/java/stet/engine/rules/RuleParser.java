package stet.engine.rules;

import java.util.Locale;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import stet.engine.rules.Rule.Body;
import stet.engine.rules.Rule.Count;
import stet.engine.rules.Rule.Name;
import stet.engine.rules.Rule.Sql;
import stet.engine.rules.Rule.Table;

/**
 * Reads rules:
 *
 * <pre>
 * rule  := "each" T "has" count T ["where" SQL] ["via" column]
 *        | "each" T.col "refers to" T.col
 *        | "each" T.col "exists in" COMPONENT
 *        | "unique" expression "in" T ["where" SQL]
 *        | "none in" T "where" SQL
 * count := "exactly" n | "at least" n | "at most" n | n ".." n
 * T     := [component ":"] [schema "."] table
 * </pre>
 *
 * <p>Names are SQL's: in lower case unless they are in double quotes.
 */
public final class RuleParser {
  private static final String FORMS =
      "Write `each T has exactly 1 T where SQL`, `each T.column refers to T.column`,"
          + " `each T.column exists in COMPONENT`, `unique EXPRESSION in T` or `none in T where SQL`.";

  private final String text;
  private int at;

  private RuleParser(String text) {
    this.text = text;
  }

  /**
   * Reads a rule.
   *
   * @throws RuleException saying where it is wrong
   */
  public static Rule parse(String name, String text, IntFunction<String> places)
      throws RuleException {
    return new Rule(name, text, new RuleParser(text).rule(), places);
  }

  private Body rule() throws RuleException {
    skipSpace();
    int start = at;
    if (takes("each")) {
      return each();
    }
    if (takes("unique")) {
      return unique();
    }
    if (takes("none")) {
      expect("in");
      Table table = table();
      expect("where");
      return new Rule.None(table, sql(text.length()));
    }
    throw new RuleException(start, "a rule begins with each, unique or none", FORMS);
  }

  private Body each() throws RuleException {
    int start = at;
    Path path = path();
    if (takes("has")) {
      Table table = path.table(start);
      Count count = count();
      Table counted = table();
      Sql where = null;
      Name via = null;
      if (takes("where")) {
        int end = lastVia();
        where = sql(end);
        at = end;
      }
      if (takes("via")) {
        via = word().inSql();
      }
      end();
      return new Rule.Has(table, count, counted, where, via);
    }
    if (takes("refers")) {
      expect("to");
      int target = at;
      Path other = path();
      end();
      return new Rule.Refers(
          path.tableOfColumn(start), path.last, other.tableOfColumn(target), other.last);
    }
    if (takes("exists")) {
      expect("in");
      Name files = component();
      end();
      return new Rule.Exists(path.tableOfColumn(start), path.last, files);
    }
    throw new RuleException(at, "has, refers to or exists in is expected here", FORMS);
  }

  private Body unique() throws RuleException {
    int start = at;
    for (int in = SqlScan.word(text, start, "in"); in >= 0; in = SqlScan.word(text, in + 2, "in")) {
      at = in + 2;
      skipSpace();
      Table table;
      try {
        table = table();
      } catch (RuleException e) {
        continue; // it belongs to the expression
      }
      if (at == text.length()) {
        return new Rule.Unique(sql(start, in), table, null);
      }
      if (takes("where")) {
        return new Rule.Unique(sql(start, in), table, sql(text.length()));
      }
    }
    throw new RuleException(start, "`unique` needs an expression, `in` and a table", FORMS);
  }

  private Count count() throws RuleException {
    int start = at;
    if (takes("exactly")) {
      long n = number();
      return new Count(n, n);
    }
    if (takes("at")) {
      if (takes("least")) {
        return new Count(number(), Long.MAX_VALUE);
      }
      if (takes("most")) {
        return new Count(0, number());
      }
    } else if (at < text.length() && Character.isDigit(text.charAt(at))) {
      long least = number();
      if (text.startsWith("..", at)) {
        at += 2;
        skipSpace();
        long most = number();
        if (most < least) {
          throw new RuleException(start, "the range " + least + ".." + most + " is empty", FORMS);
        }
        return new Count(least, most);
      }
    }
    throw new RuleException(
        start,
        "a count is expected here",
        "Write `exactly 1`, `at least 1`, `at most 1` or `1..3`.");
  }

  private long number() throws RuleException {
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == start || at - start > 18) {
      throw new RuleException(start, "a number is expected here", FORMS);
    }
    long value = Long.parseLong(text.substring(start, at));
    skipSpace();
    return value;
  }

  /** Names with dots between them, after a component. */
  private record Path(
      @Nullable Name component, @Nullable Name first, @Nullable Name second, Name last) {
    Table table(int offset) throws RuleException {
      if (first != null) {
        throw new RuleException(offset, "a table has at most a schema before it", FORMS);
      }
      return new Table(component, second, last);
    }

    Table tableOfColumn(int offset) throws RuleException {
      if (second == null) {
        throw new RuleException(
            offset, "a column of a table is expected here", "Write it as table.column.");
      }
      return new Table(component, first, second);
    }
  }

  private Table table() throws RuleException {
    int start = at;
    return path().table(start);
  }

  private Path path() throws RuleException {
    Name component = null;
    Word word = word();
    if (at < text.length() && text.charAt(at) == ':') {
      at++;
      component = word.asWritten();
      skipSpace();
      word = word();
    }
    Name first = null;
    Name second = null;
    while (at < text.length() && text.charAt(at) == '.') {
      if (first != null) {
        throw new RuleException(at, "there are too many names in a row", FORMS);
      }
      at++;
      skipSpace();
      first = second;
      second = word.inSql();
      word = word();
    }
    return new Path(component, first, second, word.inSql());
  }

  /** A name as it stands in the text. */
  private record Word(String text, boolean quoted, int offset) {
    Name asWritten() {
      return new Name(text, offset);
    }

    Name inSql() {
      return new Name(quoted ? text : text.toLowerCase(Locale.ROOT), offset);
    }
  }

  private Word word() throws RuleException {
    int start = at;
    if (at < text.length() && text.charAt(at) == '"') {
      int end = SqlScan.quotedEnd(text, at);
      if (end < 0) {
        throw new RuleException(start, "a quote is not closed", "Close it with \".");
      }
      at = end;
      skipSpace();
      return new Word(text.substring(start + 1, end - 1).replace("\"\"", "\""), true, start);
    }
    takeNameParts();
    // Components' names may have hyphens; an SQL name needs quotes for them.
    while (at > start && isHyphenInName()) {
      at++;
      takeNameParts();
    }
    if (at == start) {
      throw new RuleException(start, "a name is expected here", FORMS);
    }
    Word word = new Word(text.substring(start, at), false, start);
    skipSpace();
    return word;
  }

  private void takeNameParts() {
    while (at < text.length() && SqlScan.isNamePart(text.charAt(at))) {
      at++;
    }
  }

  private boolean isHyphenInName() {
    return at + 1 < text.length()
        && text.charAt(at) == '-'
        && SqlScan.isNamePart(text.charAt(at + 1));
  }

  /** A component's name, which may have dots, up to the end. */
  private Name component() throws RuleException {
    int start = at;
    if (at < text.length() && text.charAt(at) == '"') {
      return word().asWritten();
    }
    while (at < text.length() && !Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    if (at == start) {
      throw new RuleException(start, "the name of a component is expected here", FORMS);
    }
    Name name = new Name(text.substring(start, at), start);
    skipSpace();
    return name;
  }

  private Sql sql(int end) throws RuleException {
    return sql(at, end);
  }

  private Sql sql(int start, int end) throws RuleException {
    String sql = text.substring(start, end).strip();
    if (sql.isEmpty()) {
      throw new RuleException(start, "SQL is expected here", FORMS);
    }
    int fault = SqlScan.unbalanced(sql);
    if (fault >= 0) {
      throw new RuleException(
          start + fault,
          "a quote or bracket of the SQL is not closed or not opened",
          "Write one expression.");
    }
    int first = start;
    while (Character.isWhitespace(text.charAt(first))) {
      first++;
    }
    return new Sql(sql, first);
  }

  /** Where {@code via} and a name end the text, or its end. */
  private int lastVia() {
    int found = text.length();
    for (int via = SqlScan.word(text, at, "via");
        via >= 0;
        via = SqlScan.word(text, via + 3, "via")) {
      int before = at;
      at = via + 3;
      skipSpace();
      try {
        word();
        found = at == text.length() ? via : found;
      } catch (RuleException e) {
        // It belongs to the SQL.
      }
      at = before;
    }
    return found;
  }

  /** Takes a word if it comes next, and the space after it. */
  private boolean takes(String word) {
    int end = at + word.length();
    if (!text.regionMatches(true, at, word, 0, word.length())
        || (end < text.length() && SqlScan.isNamePart(text.charAt(end)))) {
      return false;
    }
    at = end;
    skipSpace();
    return true;
  }

  private void expect(String word) throws RuleException {
    if (!takes(word)) {
      throw new RuleException(at, "`" + word + "` is expected here", FORMS);
    }
  }

  private void end() throws RuleException {
    if (at < text.length()) {
      throw new RuleException(at, "the rule should end here", FORMS);
    }
  }

  private void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }
}
