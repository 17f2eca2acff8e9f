package stet.repository.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Seeded;

class JsonObjectTest {
  private static final String TEXT =
      "{\"z\":1,\"a\":[true,false,null,\"x\",{\"b\":-2.5}],\"big\":18446744073709551615,"
          + "\"min\":-9223372036854775808,\"e\":{},\"l\":[],\"t\":\"\\u003c\\n\"}";

  @Test
  void keepsOrderAndValues() {
    JsonObject object = JsonObject.parse(TEXT);
    assertThat(object).hasToString(TEXT);
    assertThat(object.get("big")).isEqualTo(new BigInteger("18446744073709551615"));
    assertThat(object.integer("min")).isEqualTo(Long.MIN_VALUE);
    assertThat(object.string("t")).isEqualTo("<\n");
    assertThat(object.integer("absent", 7)).isEqualTo(7);
    assertThat(object.strings("absent")).isEmpty();
    assertThat(object.keys()).containsExactly("z", "a", "big", "min", "e", "l", "t");
  }

  @Test
  void writesForPeople() {
    assertThat(JsonObject.parse("{\"a\":[1,{}],\"b\":{\"c\":null}}").toPrettyString())
        .isEqualTo("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}");
  }

  @Test
  void copiesAreIndependent() {
    JsonObject object = JsonObject.parse(TEXT);
    JsonObject copy = object.copy();
    copy.object("e").put("n", 1);
    copy.put("z", 2);
    assertThat(object).hasToString(TEXT);
    assertThat(object.without(Set.of("a", "big", "min", "l", "t", "absent")))
        .hasToString("{\"z\":1,\"e\":{}}");
    assertThat(new JsonObject().put("z", 0).putAll(object)).isEqualTo(object);
  }

  @Test
  void saysWhichMemberIsWrong() {
    JsonObject object = JsonObject.parse(TEXT);
    assertThatThrownBy(() -> object.string("z")).hasMessage("member \"z\" must be text");
    assertThatThrownBy(() -> object.integer("t")).hasMessage("member \"t\" must be an integer");
    assertThatThrownBy(() -> object.integer("big")).hasMessage("member \"big\" must be an integer");
    assertThatThrownBy(() -> object.object("nope"))
        .hasMessage("member \"nope\" must be an object, but is missing");
    assertThatThrownBy(() -> object.strings("a")).hasMessage("member \"a\" must be a list of text");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "1",
        "[]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{} x",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":1e400}",
        "{\"a\":\"\n\"}"
      })
  void refusesOtherText(String text) {
    assertThatThrownBy(() -> JsonObject.parse(text)).isInstanceOf(JsonException.class);
  }

  @Test
  void refusesWhatNestsTooDeep() {
    assertThatThrownBy(() -> JsonObject.parse("{\"a\":".repeat(100_000)))
        .isInstanceOf(JsonException.class);
    assertThatThrownBy(() -> JsonObject.parse("{\"a\":" + "[".repeat(100_000)))
        .isInstanceOf(JsonException.class);
    assertThatThrownBy(() -> JsonObject.parse("{\"a\":" + "9".repeat(100_000) + "}"))
        .isInstanceOf(JsonException.class);
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] text = TEXT.getBytes(StandardCharsets.UTF_8);
      for (int i = 0; i < 20_000; i++) {
        JsonObject read;
        try {
          read = JsonObject.parse(Seeded.mutate(random, text));
        } catch (JsonException e) {
          assertThat(e.getMessage()).isNotEmpty();
          continue;
        }
        assertThat(JsonObject.parse(read.toBytes())).isEqualTo(read);
        assertThat(JsonObject.parse(read.toPrettyString())).isEqualTo(read);
      }
    });
  }

  @Test
  void refusesValuesThatJsonCannotHold() {
    JsonObject object = new JsonObject().put("a", List.of(new Object()));
    assertThatThrownBy(object::toBytes).isInstanceOf(IllegalArgumentException.class);
  }
}
