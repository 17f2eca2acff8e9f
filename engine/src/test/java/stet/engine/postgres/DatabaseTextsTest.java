package stet.engine.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.LargeObject;
import stet.engine.postgres.catalog.DatabaseDescription.LocaleProvider;
import stet.engine.postgres.catalog.DatabaseDescription.Server;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;

class DatabaseTextsTest {
  private static Map<String, String> texts(String comment, Setting... settings) {
    return DatabaseTexts.of(
        new DatabaseDescription(
            new Server(150008, "15.8", null),
            new Database(
                "shop",
                "UTF8",
                LocaleProvider.LIBC,
                "C",
                "C",
                null,
                null,
                null,
                "C",
                "owner",
                null,
                -1,
                "pg_default",
                comment,
                List.of(settings),
                List.of()),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of(new LargeObject(4242, "owner", null, comment, List.of(), 3, "0")),
            Map.of()));
  }

  /** Those named by the catalog as secret, those whose names look so, and what values hold. */
  @Test
  void secretsInSettingsAndCommentsAreMasked() {
    Map<String, String> texts =
        texts(
            "copied from postgresql://shop:hunter2@db/shop",
            new Setting(null, "shop.known", "hunter2", true),
            new Setting("Ann", "Shop.Signature", "hunter2", false),
            new Setting(null, "shop.source", "host=db password=hunter2", false),
            new Setting(null, "work_mem", "64MB", false));

    String mark = "<secret [0-9a-f]{12}>";
    assertThat(texts.toString()).doesNotContain("hunter2");
    assertThat(texts.get("DATABASE COMMENT"))
        .matches("copied from postgresql://shop:" + mark + "@db/shop");
    assertThat(texts.get("LARGE OBJECT 4242"))
        .matches("(?s)owner .*comment copied from .*" + mark + "@db/shop");
    assertThat(texts.get("DATABASE SETTING shop.known")).matches(mark);
    assertThat(texts.get("DATABASE SETTING Shop.Signature OF ROLE Ann")).matches(mark);
    assertThat(texts.get("DATABASE SETTING shop.source")).contains("host=db password=<secret ");
    assertThat(texts.get("DATABASE SETTING work_mem")).contains("64MB").doesNotContain("<secret");
  }
}
