package stet.engine.rules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import stet.engine.rules.Rule.Count;
import stet.engine.rules.Rule.Name;
import stet.engine.rules.Rule.Sql;
import stet.engine.rules.Rule.Table;

class RuleParserTest {
  private static Rule.Body parse(String text) {
    try {
      return RuleParser.parse("rule", text, offset -> "at " + offset).body();
    } catch (RuleException e) {
      throw new AssertionError(text + ": " + e.offset() + ": " + e.getMessage(), e);
    }
  }

  private static Table table(String name, int offset) {
    return new Table(null, null, new Name(name, offset));
  }

  @Test
  void readsCountsOfRelatedRows() {
    assertThat(parse("each users has exactly 1 address where is_primary"))
        .isEqualTo(
            new Rule.Has(
                table("users", 5),
                new Count(1, 1),
                table("address", 25),
                new Sql("is_primary", 39),
                null));
    assertThat(parse("each a has at least 2 b"))
        .extracting(body -> ((Rule.Has) body).count())
        .isEqualTo(new Count(2, Long.MAX_VALUE));
    assertThat(parse("EACH a HAS AT MOST 2 b"))
        .extracting(body -> ((Rule.Has) body).count())
        .isEqualTo(new Count(0, 2));
    assertThat(parse("each a has 0..3 b via c"))
        .isEqualTo(
            new Rule.Has(table("a", 5), new Count(0, 3), table("b", 16), null, new Name("c", 22)));
    assertThat(parse("each a has 0 .. 3 b where x = ' via y' or via is null via \"C d\""))
        .isEqualTo(
            new Rule.Has(
                table("a", 5),
                new Count(0, 3),
                table("b", 18),
                new Sql("x = ' via y' or via is null", 26),
                new Name("C d", 58)));
  }

  @Test
  void readsReferences() {
    assertThat(parse("each orders.customer refers to sales.people.id"))
        .isEqualTo(
            new Rule.Refers(
                table("orders", 5),
                new Name("customer", 12),
                new Table(null, new Name("sales", 31), new Name("people", 37)),
                new Name("id", 44)));
    assertThat(parse("each default:Public.\"Docs\".File exists in My.media-2"))
        .isEqualTo(
            new Rule.Exists(
                new Table(new Name("default", 5), new Name("public", 13), new Name("Docs", 20)),
                new Name("file", 27),
                new Name("My.media-2", 42)));
  }

  @Test
  void readsUniquenessAndAbsence() {
    assertThat(parse("unique lower(email) in users"))
        .isEqualTo(new Rule.Unique(new Sql("lower(email)", 7), table("users", 23), null));
    assertThat(parse("unique (a in (1, 2), b) in main:t where c in (select 1)"))
        .isEqualTo(
            new Rule.Unique(
                new Sql("(a in (1, 2), b)", 7),
                new Table(new Name("main", 27), null, new Name("t", 32)),
                new Sql("c in (select 1)", 40)));
    assertThat(parse("none in orders where total < 0 -- ; 'x"))
        .isEqualTo(new Rule.None(table("orders", 8), new Sql("total < 0 -- ; 'x", 21)));
    assertThat(parse("none in t where a = $q$ ; ' $q$ and b = E'\\' ;' /* /* ; */ ( */"))
        .isInstanceOf(Rule.None.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "## | 0 | a rule begins with each, unique or none",
        "all users are nice | 0 | a rule begins with each, unique or none",
        "each users | 10 | has, refers to or exists in is expected here",
        "each users have 1 x | 11 | has, refers to or exists in is expected here",
        "each users has some x | 15 | a count is expected here",
        "each users has 3..1 x | 15 | the range 3..1 is empty",
        "each users has 99999999999999999999..1 x | 15 | a number is expected here",
        "each users has exactly 1 | 24 | a name is expected here",
        "each users has exactly 1 x y | 27 | the rule should end here",
        "each users refers to x.y | 5 | a column of a table is expected here",
        "each a.b refers x.y | 16 | `to` is expected here",
        "each a.b.c.d.e exists in m | 10 | there are too many names in a row",
        "each a.b exists in m n | 21 | the rule should end here",
        "each \"a.b exists in m | 5 | a quote is not closed",
        "unique in t | 7 | SQL is expected here",
        "unique lower(email) | 7 | `unique` needs an expression, `in` and a table",
        "none in t | 9 | `where` is expected here",
        "none in t where | 15 | SQL is expected here",
        "none in t where a); drop table t; --( | 17 | a quote or bracket of the SQL is not closed or not opened",
        "none in t where a; drop table t | 17 | a quote or bracket of the SQL is not closed or not opened",
        "none in t where (a | 16 | a quote or bracket of the SQL is not closed or not opened",
        "none in t where a = 'x | 20 | a quote or bracket of the SQL is not closed or not opened",
      })
  void saysWhereARuleIsWrong(String text, int offset, String message) {
    assertThatThrownBy(() -> RuleParser.parse("rule", text, at -> ""))
        .isInstanceOf(RuleException.class)
        .hasMessage(message)
        .satisfies(e -> assertThat(((RuleException) e).offset()).isEqualTo(offset))
        .satisfies(e -> assertThat(((RuleException) e).hint()).isNotBlank());
  }

  @Test
  void neverDoesAnythingElseThanReadOrRefuse() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String[] pieces = {
      "each ",
      "unique ",
      "none ",
      "in ",
      "has ",
      "exactly ",
      "1",
      "..",
      "refers to ",
      "exists in ",
      "where ",
      "via ",
      "t",
      ".",
      ":",
      "\"",
      "'",
      "(",
      ")",
      "$$",
      "/*",
      "*/",
      "--",
      "\n",
      "E'",
      ";",
      "é",
      "\\",
      "-",
      " "
    };
    for (int i = 0; i < 50_000; i++) {
      StringBuilder text = new StringBuilder();
      int length = random.nextInt(12);
      for (int j = 0; j < length; j++) {
        text.append(pieces[random.nextInt(pieces.length)]);
      }
      try {
        RuleParser.parse("rule", text.toString(), at -> "");
      } catch (RuleException e) {
        assertThat(e.offset()).as("seed %d: %s", seed, text).isBetween(0, text.length());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + text, e);
      }
    }
  }
}
