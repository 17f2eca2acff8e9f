package stet.cli.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RedactionTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "postgresql://shop:pw@db/shop          | postgresql://shop:***@db/shop",
        "postgresql://shop:p@w:x@db/shop       | postgresql://shop:***@db/shop",
        "postgresql://shop@corp:pw@db/shop     | postgresql://shop@corp:***@db/shop",
        "postgresql://sh/op:p/w@db/shop        | postgresql://sh/op:***@db/shop",
        "postgresql://db/shop?password=pw&x=1  | postgresql://db/shop?password=***&x=1",
        "host=db password=pw user=shop         | host=db password=*** user=shop",
        "host=db password='p \\' w' user=shop  | host=db password=*** user=shop",
        "PASSWORD = pw                         | PASSWORD = ***",
        "postgresql://shop@db/shop             | postgresql://shop@db/shop",
        "sslkey=/k sslpassword=pw              | sslkey=/k sslpassword=***",
        "a plain sentence: with a colon        | a plain sentence: with a colon",
        "\"shop password:? \"pw\"\" cannot be used | \"shop password:***",
        "key \"password\": expected a text      | key \"password\": expected a text",
        "a \"b\" and db.password: not set        | a \"b\" and db.password: not set"
      })
  void masksPasswords(String text, String masked) {
    assertThat(Redaction.mask(text)).isEqualTo(masked);
  }
}
