package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.component.Target.Role;

class BesideNamesTest {
  @Test
  void namesAreReadable() {
    BesideNames names = new BesideNames("shop");
    assertThat(names.of(Role.STAGING, "0a1b2c3d")).isEqualTo("shop.staging-0a1b2c3d");
    assertThat(names.of(Role.PREVIOUS, "0a1b2c3d")).isEqualTo("shop.previous-0a1b2c3d");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "shop",
        "shopx.staging-0a1b2c3d",
        "shop.staging-0a1b2c3",
        "shop.staging-0A1B2C3D",
        "shop.staging-0a1b2c3dx",
        "xshop.staging-0a1b2c3d",
        "shop.staging-x.staging-0a1b2c3d",
        "shop_staging-0a1b2c3d",
        "shop.proof-0a1b2c3d"
      })
  void anythingElseIsNotOurs(String name) {
    assertThat(new BesideNames("shop").parse(name)).isNull();
  }

  @Test
  void similarNamesNeverMix() {
    BesideNames shop = new BesideNames("shop");
    BesideNames nested = new BesideNames("shop.staging-x");
    String own = nested.of(Role.STAGING, "0a1b2c3d");
    assertThat(nested.parse(own)).isNotNull();
    assertThat(shop.parse(own)).isNull();
    assertThat(new BesideNames(".*").parse("shop.staging-0a1b2c3d")).isNull();
  }

  @Test
  void longNamesAreCutAtACharacterAndStayApart() {
    String start = "é".repeat(30);
    BesideNames one = new BesideNames(start + "a");
    BesideNames other = new BesideNames(start + "b");
    for (Role role : Role.values()) {
      String name = one.of(role, "0a1b2c3d");
      assertThat(name.getBytes(StandardCharsets.UTF_8).length).isLessThanOrEqualTo(63);
      assertThat(name).startsWith("é".repeat(15)).doesNotContain("\ufffd");
      assertThat(one.parse(name)).isEqualTo(new BesideNames.Parsed(role, "0a1b2c3d"));
      assertThat(other.parse(name)).isNull();
    }
    assertThat(new BesideNames("x".repeat(45)).of(Role.PREVIOUS, "0a1b2c3d"))
        .isEqualTo("x".repeat(45) + ".previous-0a1b2c3d")
        .hasSize(63);
    assertThat(new BesideNames("x".repeat(63)).of(Role.PREVIOUS, "0a1b2c3d")).hasSize(63);
  }

  @Test
  void refusesAnIdOfAnotherForm() {
    assertThatThrownBy(() -> new BesideNames("shop").of(Role.STAGING, "x\"; drop"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void commentsCarryTheNoteAndKeepTheDatabasesOwn() {
    String note = "{\"a\":\"it's \\\\ \\\"quoted\\\" é\"}";
    DatabaseComment comment = new DatabaseComment("16384", note, "own 'text'");
    assertThat(DatabaseComment.read(comment.text())).isEqualTo(comment);
    assertThat(DatabaseComment.read("own").marked("1", note).own()).isEqualTo("own");
    assertThat(new DatabaseComment(null, null, "own").text()).isEqualTo("own");
    assertThat(DatabaseComment.read(null).text()).isNull();
    for (String others : List.of("stet: my notes", "stet:{\"note\":\"mine\"}", "stet:{}")) {
      assertThat(DatabaseComment.read(others)).isEqualTo(new DatabaseComment(null, null, others));
    }
  }
}
