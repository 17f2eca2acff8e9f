package stet.repository.tree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static stet.repository.TinyRepository.hex;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Seeded;

class GoQuoteTest {
  /** The bytes of a name, and the form that restic gave it. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\u0001',
      value = {
        "68656c6c6f2e747874 | hello.txt",
        "74616209616e643c616d703e26ff | tab\\tand<amp>&\\xff",
        "776522697264 5c6e616d65 | we\\\"ird\\\\name",
        "0708090a0b0c0d | \\a\\b\\t\\n\\v\\f\\r",
        "0001021b1f7f | \\x00\\x01\\x02\\x1b\\x1f\\x7f",
        "c3a9 | \u00e9",
        "c2a0 | \\u00a0",
        "e2808b | \\u200b",
        "efbbbf | \\ufeff",
        "e280a8 | \\u2028",
        "efbfbd | \ufffd",
        "f09f9880 | \ud83d\ude00",
        "f48fbfbf | \\U0010ffff",
        "f3a08081 | \\U000e0001",
        "ff | \\xff",
        "c0af | \\xc0\\xaf",
        "eda080 | \\xed\\xa0\\x80",
        "e2 82 | \\xe2\\x82",
        "e28241 | \\xe2\\x82A",
        "f4908080 | \\xf4\\x90\\x80\\x80",
        "c3 | \\xc3",
        "27 | '",
      })
  void quotesAsGo(String bytes, String quoted) {
    assertThat(GoQuote.quote(hex(bytes))).isEqualTo(quoted);
    assertThat(GoQuote.unquote(quoted)).isEqualTo(hex(bytes));
  }

  @Test
  void readsOtherFormsThatGoReads() {
    assertThat(GoQuote.unquote("\\101\\377\\x41\\u00e9\\U0001f600\u00a0\u0001"))
        .isEqualTo(hex("41 ff 41 c3a9 f09f9880 c2a0 01"));
    assertThat(GoQuote.unquote("a\ud800b")).isEqualTo(hex("61 efbfbd 62"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"",
        "a\"b",
        "\\",
        "\\'",
        "\\x",
        "\\x1",
        "\\xg1",
        "\\u12",
        "\\ud800",
        "\\U00110000",
        "\\Uffffffff",
        "\\400",
        "\\08",
        "\\1",
        "\\e",
        "\n",
        "\\x\u0661\u0661"
      })
  void refusesWhatGoRefuses(String text) {
    assertThatThrownBy(() -> GoQuote.unquote(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void unquotesWhatItQuoted() {
    Seeded.run(random -> {
      for (int i = 0; i < 50_000; i++) {
        byte[] name = Seeded.bytes(random, random.nextInt(20));
        if (random.nextBoolean()) {
          name =
              random
                  .ints(random.nextInt(20), 0, 0x110000)
                  .collect(StringBuilder::new, StringBuilder::appendCodePoint, (a, b) -> {})
                  .toString()
                  .getBytes(StandardCharsets.UTF_8);
        }
        assertThat(GoQuote.unquote(GoQuote.quote(name))).isEqualTo(name);
      }
    });
  }

  @Test
  void knowsValidUtf8AsJavaDoes() {
    Seeded.run(random -> {
      for (int i = 0; i < 100_000; i++) {
        byte[] bytes = Seeded.bytes(random, random.nextInt(5));
        for (int j = 0; j < bytes.length; j++) {
          bytes[j] |= (byte) (random.nextInt(4) == 0 ? 0 : 0x80);
        }
        boolean valid = true;
        try {
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
        } catch (CharacterCodingException e) {
          valid = false;
        }
        assertThat(Utf8.isValid(bytes)).isEqualTo(valid);
      }
    });
  }
}
