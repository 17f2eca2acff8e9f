package stet.repository.json;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTextTest {
  private static String json(String text) {
    StringBuilder out = new StringBuilder();
    JsonText.string(out, text);
    return out.substring(1, out.length() - 1);
  }

  /** The code of a character, and the form that Go's encoder gives it. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      quoteCharacter = '\u0001',
      value = {
        "22 \\\"",
        "5c \\\\",
        "0a \\n",
        "0d \\r",
        "09 \\t",
        "08 \\b",
        "0c \\f",
        "00 \\u0000",
        "07 \\u0007",
        "0b \\u000b",
        "1f \\u001f",
        "3c \\u003c",
        "3e \\u003e",
        "26 \\u0026",
        "2028 \\u2028",
        "2029 \\u2029",
        "d800 \\ufffd",
        "dc00 \\ufffd",
        "2f /",
        "27 '",
      })
  void escapesAsGo(String code, String expected) {
    assertThat(json(Character.toString(Integer.parseInt(code, 16)))).isEqualTo(expected);
  }

  @Test
  void writesAllElseAsItIs() {
    String text = " az~\u007f\u0080\u00a0é\u2027\ufffd\uffff\ud83d\ude00";
    assertThat(json(text)).isEqualTo(text);
  }

  @Test
  void replacesHalvesOfPairs() {
    assertThat(json("a\ud83db\ude00\ude00")).isEqualTo("a\\ufffdb\\ufffd\\ufffd");
  }
}
