package stet.engine.postgres.archive;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SecretMaskTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          USER MAPPING | OPTIONS (password 'hunter2', "user" 'shop') | OPTIONS (password '#', "user" 'shop')
          USER MAPPING | OPTIONS (anything 'hunter2') | OPTIONS (anything '#')
          SERVER | OPTIONS (host 'db', "api-Key" 'hunter2') | OPTIONS (host 'db', "api-Key" '#')
          SERVER | OPTIONS (secret E'hun\\\\ter''2') | OPTIONS (secret E'#')
          SUBSCRIPTION | CONNECTION 'host=db password=hunter2 port=1' PUBLICATION p | CONNECTION 'host=db password=# port=1' PUBLICATION p
          SUBSCRIPTION | CONNECTION 'host=db password = hunter2' | CONNECTION 'host=db password = #'
          SUBSCRIPTION | CONNECTION 'password=''hun ter\\''2'' host=db' | CONNECTION 'password=# host=db'
          SUBSCRIPTION | CONNECTION 'password=hun\\ ter2 host=db' | CONNECTION 'password=# host=db'
          SUBSCRIPTION | CONNECTION 'postgresql://shop:hunter2@db/shop' | CONNECTION 'postgresql://shop:#@db/shop'
          SUBSCRIPTION | CONNECTION 'postgresql://db/shop?sslpassword=hunter2' | CONNECTION 'postgresql://db/shop?sslpassword=#'
          USER MAPPING | FOR "o'hara" OPTIONS (password 'hunter2') | FOR "o'hara" OPTIONS (password '#')
          FUNCTION | AS $$ /* isn't */ select dblink('password=''hunter2'' port=1') $$ | AS $$ /* isn't */ select dblink('password=# port=1') $$
          FUNCTION | AS $$ # isn't\\n select dblink('host=db password=hunter2 port=1') $$ | AS $$ # isn't\\n select dblink('host=db password=# port=1') $$
          FUNCTION | AS $$ -- don't\\n select dblink('host=db password=hunter2 port=1') $$ | AS $$ -- don't\\n select dblink('host=db password=# port=1') $$
          TABLE | v text DEFAULT 'token ring' | v text DEFAULT 'token ring'
          VIEW | SELECT 'http://db:80/x', 'a@b' | SELECT 'http://db:80/x', 'a@b'
          """)
  void secretsAreMasked(String kind, String sql, String masked) {
    String shown = SecretMask.mask(kind, sql.replace("\\n", "\n"));

    assertThat(shown).doesNotContain("hunter2", "ter2", "ter''2", "ter\\''2");
    assertThat(shown.replaceAll("<secret [0-9a-f]{12}>", "#"))
        .isEqualTo(masked.replace("\\n", "\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "shop.jwt_secret, true",
    "Shop.API_Key, true",
    "pgaudit.log, false",
    "search_path, false",
    "work_mem, false"
  })
  void settingsAreSecretByTheirNames(String name, boolean secret) {
    assertThat(SecretMask.isSecretName(name)).isEqualTo(secret);
  }

  @Test
  void passwordsInConnectionStringsOfAnyTextAreMasked() {
    assertThat(SecretMask.text("copied from postgresql://shop:hunter2@db/shop at night"))
        .matches("copied from postgresql://shop:<secret [0-9a-f]{12}>@db/shop at night");
    assertThat(SecretMask.text("of host=db password=hunter2 port=1"))
        .matches("of host=db password=<secret [0-9a-f]{12}> port=1");
    assertThat(SecretMask.text("the password is with Ann")).isEqualTo("the password is with Ann");
  }

  @Test
  void otherSecretsHaveOtherMarks() {
    String one = SecretMask.mask("SERVER", "OPTIONS (password 'one')");

    assertThat(SecretMask.mask("SERVER", "OPTIONS (password 'one')")).isEqualTo(one);
    assertThat(SecretMask.mask("SERVER", "OPTIONS (password 'two')")).isNotEqualTo(one);
  }

  @Test
  void longTextsAreTaken() {
    String text = "'" + "it''s \\\\ password=".repeat(100_000) + "'";

    assertThat(SecretMask.mask("FUNCTION", text)).isNotEmpty();
  }
}
