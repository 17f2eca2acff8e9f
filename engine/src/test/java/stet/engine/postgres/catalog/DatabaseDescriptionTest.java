package stet.engine.postgres.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Extension;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.Membership;
import stet.engine.postgres.catalog.DatabaseDescription.Role;
import stet.engine.postgres.catalog.DatabaseDescription.Root;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;

class DatabaseDescriptionTest {
  @Test
  void roundTripsWhateverTheNames() {
    long seed = new Random().nextLong();
    for (int round = 0; round < 300; round++) {
      DatabaseDescription description = new Maker(new Random(seed + round)).description();
      assertThat(DatabaseDescription.parse("p", description.toJson().toBytes()))
          .as("seed %d", seed + round)
          .isEqualTo(description);
      assertThat(
              DatabaseDescription.parse(
                  "p", description.toJson().toPrettyString().getBytes(StandardCharsets.UTF_8)))
          .as("seed %d", seed + round)
          .isEqualTo(description);
    }
  }

  @Test
  void namesThePathAndTheMemberThatIsWrong() {
    String good = new Maker(new Random(1)).description().toJson().toString();
    refused(good.replace("\"format\":1", "\"format\":2"), "member \"format\" must be 1, but is 2");
    refused(good.replace("\"version_text\"", "\"text\""), "member \"version_text\" must be text");
    refused(good.replace("\"locale_provider\":\"", "\"locale_provider\":\"x"), "unknown value \"x");
    refused(good.substring(0, good.length() - 1), "not valid JSON at line 1");
  }

  private static void refused(String text, String message) {
    assertThatThrownBy(() ->
            DatabaseDescription.parse(
                "default/database.json", text.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOfSatisfying(
            StetException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.REPOSITORY_DAMAGED))
        .hasMessageStartingWith("default/database.json: ")
        .hasMessageContaining(message);
  }

  /** Makes random descriptions. */
  private record Maker(Random random) {
    DatabaseDescription description() {
      Map<String, Long> counts = new LinkedHashMap<>();
      counts.put("tables", random.nextLong());
      counts.put("views", 0L);
      return new DatabaseDescription(
          new Server(random.nextInt(), text(), maybe(this::text)),
          new Database(
              text(),
              text(),
              LocaleProvider.values()[random.nextInt(3)],
              text(),
              text(),
              maybe(this::text),
              maybe(this::text),
              maybe(this::text),
              text(),
              text(),
              maybe(() -> list(this::grant)),
              random.nextInt(),
              text(),
              maybe(this::text),
              list(this::setting),
              list(() -> new SecurityLabel(text(), text()))),
          list(this::role),
          list(this::text),
          list(() -> new Extension(text(), text(), text())),
          list(() ->
              new Table(
                  random.nextLong(),
                  text(),
                  text(),
                  list(this::text),
                  list(this::text),
                  TableKind.values()[random.nextInt(3)],
                  random.nextBoolean() ? "" : "WHERE x",
                  random.nextBoolean(),
                  maybe(() -> new Root(text(), text())),
                  text())),
          list(() -> new Sequence(text(), text(), random.nextLong(), random.nextBoolean())),
          list(() ->
              new LargeObject(
                  random.nextLong(),
                  text(),
                  maybe(() -> list(this::grant)),
                  maybe(this::text),
                  list(() -> new SecurityLabel(text(), text())),
                  random.nextLong(),
                  text())),
          counts);
    }

    private Role role() {
      return new Role(
          text(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextBoolean(),
          random.nextInt(),
          maybe(this::text),
          maybe(this::text),
          list(this::setting),
          list(() ->
              new Membership(
                  text(),
                  text(),
                  random.nextBoolean(),
                  maybe(random::nextBoolean),
                  maybe(random::nextBoolean))));
    }

    private Grant grant() {
      return new Grant(text(), maybe(this::text), text(), random.nextBoolean());
    }

    private Setting setting() {
      return new Setting(maybe(this::text), text(), text(), random.nextBoolean());
    }

    private String text() {
      String[] some = {"a", "é", "\n", "\"", "\\", "😀", ".", "<", " ", "\u0001"};
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(6); i >= 0; i--) {
        text.append(some[random.nextInt(some.length)]);
      }
      return text.toString();
    }

    private <T> T maybe(Supplier<T> value) {
      return random.nextBoolean() ? null : value.get();
    }

    private <T> List<T> list(Supplier<T> element) {
      List<T> list = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        list.add(element.get());
      }
      return list;
    }
  }
}
