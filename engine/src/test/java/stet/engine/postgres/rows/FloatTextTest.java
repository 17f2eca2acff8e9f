package stet.engine.postgres.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import stet.engine.postgres.rows.FloatText.ArrayOf;
import stet.engine.postgres.rows.FloatText.ManyNumbers;
import stet.engine.postgres.rows.FloatText.OneNumber;
import stet.engine.postgres.rows.FloatText.RangeOf;
import stet.engine.postgres.rows.FloatText.RecordOf;
import stet.engine.postgres.rows.FloatText.Shape;

class FloatTextTest {
  private static final Shape DOUBLE = new OneNumber(false);
  private static final Shape SINGLE = new OneNumber(true);

  private static String row(String text, Shape... columns) {
    byte[] bytes = ("<" + text + ">").getBytes(StandardCharsets.UTF_8);
    return new String(
        new FloatText(Arrays.asList(columns)).row(bytes, 1, bytes.length - 2),
        StandardCharsets.UTF_8);
  }

  private static void same(String one, String other, Shape... columns) {
    assertThat(row(one, columns)).isEqualTo(row(other, columns));
  }

  private static void different(String one, String other, Shape... columns) {
    assertThat(row(one, columns)).isNotEqualTo(row(other, columns));
  }

  @Test
  void numbersCountByTheirBits() {
    same("0.10000000000000001", "0.1", DOUBLE);
    same("1.00000000000000002e+300", "1e+300", DOUBLE);
    same("0.100000001", "0.1", SINGLE);
    different("0.100000001", "0.1", DOUBLE);
    different("0.10000000000000002", "0.1", DOUBLE);
    different("0.10000001", "0.1", SINGLE);
    different("-0", "0", DOUBLE);
    different("\\N", "NaN", DOUBLE);
    different("Infinity", "-Infinity", DOUBLE);
  }

  @Test
  void otherColumnsKeepTheirText() {
    same("1\té\\n\t0.10000000000000001", "1\té\\n\t0.1", null, null, DOUBLE);
    different("0.10000000000000001\t1", "0.1\t1", null, DOUBLE);
    assertThat(row("a\t\\N\t", null, DOUBLE, null)).isEqualTo("a\t\\N\t");
  }

  @Test
  void whatIsNoNumberOrHasNoColumnIsADifference() {
    different("0.1x", "0.1", DOUBLE);
    different("", "0", DOUBLE);
    different("0.1\t2", "0.1", DOUBLE);
    different("0.1\t2", "0.1\t3", DOUBLE);
  }

  @Test
  void numbersInsideOtherValuesCountByTheirBits() {
    Shape list = new ArrayOf(DOUBLE, ',');
    same("[0:1]={0.10000000000000001,NULL}", "[0:1]={0.1,NULL}", list);
    different("{0.1,NULL}", "{0.1,NaN}", list);
    different("{{0.1,1},{2,3}}", "{{0.1,1,2},{3}}", list);
    same("((0.10000000000000001,1),(2,3))", "((0.1,1),(2,3))", new ManyNumbers());
    different("((0.1,1),(2,3))", "((0.1,12),(,3))", new ManyNumbers());
    Shape range = new RangeOf(DOUBLE);
    same("[0.10000000000000001,0.69999999999999996)", "[0.1,0.7)", range);
    different("[0.1,0.7)", "[0.1,0.7]", range);
    different("[0.1,)", "(,0.1)", range);
    different("empty", "[,)", range);
  }

  @Test
  void textBesideNumbersInACompositeIsText() {
    Shape composite = new RecordOf(Arrays.asList(null, DOUBLE, new ArrayOf(SINGLE, ',')));
    same("(a,0.10000000000000001,\"{0.100000001,NULL}\")", "(a,0.1,\"{0.1,NULL}\")", composite);
    different("(0.10000000000000001,1,)", "(0.1,1,)", composite);
    different("(\"\",1,)", "(,1,)", composite);
    different("(\"a\"\"b\",1,)", "(ab,1,)", composite);
    different("(\"a,1\",1,)", "(a,1,1)", composite);
    Shape list = new ArrayOf(composite, ',');
    same(
        "{\"(\\\\\"a,b\\\\\",0.10000000000000001,)\",NULL}",
        "{\"(\\\\\"a,b\\\\\",0.1,)\",NULL}",
        list);
    different("{\"(a,0.1,)\",NULL}", "{\"(a,0.1,)\",\"NULL\"}", list);
  }
}
