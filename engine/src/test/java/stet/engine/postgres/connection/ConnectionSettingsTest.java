package stet.engine.postgres.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.PrivateFiles;

class ConnectionSettingsTest {
  @TempDir Path home;

  private ConnectionSettings parse(String text, Map<String, String> variables) {
    return ConnectionSettings.parse(text, variables, home);
  }

  /** The forms of libpq's own regression test (uri_regress), with what it prints for them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "postgresql://uri-user:secret@host:12345/db | user=uri-user password=secret host=host port=12345 dbname=db",
        "postgresql://uri-user@host/db | user=uri-user host=host dbname=db",
        "postgresql://host:12345/ | host=host port=12345",
        "postgresql:// | ''",
        "postgresql://hostname | host=hostname",
        "postgresql:///db | dbname=db",
        "postgresql://uri-%75ser@host/ | user=uri-user host=host",
        "postgresql://host/db?u%73er=someotheruser&port=12345 | host=host dbname=db user=someotheruser port=12345",
        "postgresql://[200z:db8::1234]:12345/ | host=200z:db8::1234 port=12345",
        "postgresql://[::1]/db | host=::1 dbname=db",
        "postgresql://%2Fvar%2Flib/dbname | host=/var/lib dbname=dbname",
        "postgres:///db?host=/path/to/socket | dbname=db host=/path/to/socket",
        "postgresql://a,b:2,[::3]:3/x | host=a,b,::3 port=,2,3 dbname=x",
        "postgresql://host?ssl=true | host=host sslmode=require",
        "postgresql://@host | host=host",
        "postgresql://u:@host | user=u host=host",
        "postgresql://host:5432/a@b | host=host port=5432 dbname=a@b",
        "postgresql://a:1,[::1]:2/a@b | host=a,::1 port=1,2 dbname=a@b",
        "postgresql://u:a?b#c@host/db | user=u password=a?b#c host=host dbname=db",
        "postgresql://u:pw@host/db?user=a@b | user=a@b password=pw host=host dbname=db",
        "postgresql://host?host=/a/b@c:1 | host=/a/b@c:1",
        "postgresql://u:a%40b%2Fc@host/db | user=u password=a@b/c host=host dbname=db",
        "postgresql:///db?host=@abstract&ssl=true | dbname=db host=@abstract sslmode=require",
        "user=u   host = h\tdbname=d | user=u host=h dbname=d",
        "password=a\\ b\\\\c port=1 | password=a_b\\c port=1",
        "dbname='it''s' | dbname=it",
        "shop | dbname=shop",
      })
  void readsTheFormsOfLibpq(String text, String expected) {
    if (text.startsWith("dbname='it''")) {
      // libpq ends the value at the second quote and then wants a word.
      assertThatThrownBy(() -> Conninfo.parse(text)).isInstanceOf(StetException.class);
      return;
    }
    StringBuilder shown = new StringBuilder();
    Conninfo.parse(text)
        .forEach((key, value) ->
            shown.append(shown.isEmpty() ? "" : " ").append(key).append('=').append(value));
    assertThat(shown.toString().replace("a b", "a_b")).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "postgresql://u:s3cret@host/db?zzz | parameter \"zzz\" of the connection URI has no \"=\"",
        "postgresql://u:s3cret@host/db?value1=value2 | unknown connection parameter \"value1\"",
        "postgresql://u:s3cret@host/db?key=key=value | parameter \"key\" of the connection URI has a second \"=\"",
        "postgres://u:s3cret%zz@host | a \"%\" in the connection URI is not followed by two hexadecimal digits",
        "postgres://host?dbname=%00s3cret | the connection URI holds the forbidden %00",
        "postgresql://[::1 | an IPv6 address in the connection URI has no closing \"]\"",
        "postgresql://[]:1 | an IPv6 address in the connection URI is empty",
        "postgresql://[::1]z | unexpected character after the IPv6 address at character 19 of the connection URI",
        "password='s3cret | the quoted value of \"password\" in the connection string has no end",
        "host=h password=s3 cret | a word at character 20 of the connection string is not followed by \"=\"",
        "hots=h | unknown connection parameter \"hots\"",
        "mysql://u:s3cret@h/d | not a PostgreSQL connection string: unknown scheme \"mysql\"",
        "jdbc:postgresql://h/d?password=s3cret | a connection string of JDBC, which libpq does not know",
        "host=h sslcrl=x | connection parameter \"sslcrl\" is not supported",
        "host=a,b port=1,2,3 | the connection settings name 2 hosts but 3 ports",
        "host=a port=70000 | port \"70000\" in the connection settings is not a number from 1 to 65535",
      })
  void refusesWhatLibpqRefusesWithoutShowingASecret(String text, String message) {
    assertThatThrownBy(() -> parse(text, Map.of()))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.CONFIGURATION);
              assertThat(e.getMessage() + e.hint()).doesNotContain("s3", "cret");
            })
        .hasMessage(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgresql://shop:shop@s3/cret@host/db",
        "postgresql://shop:s3@cret@host/db",
        "postgresql://shop:s3@cret@host",
        "postgresql://shop:x?s3@cret@host/db",
        "postgresql://shop:x@s3?cret@host/db",
        "postgresql://shop:x@s3?cret=x@host/db",
        "postgresql://shop:x@s3?user=s3=cret@host/db",
        "postgresql://shop:x@s3#cret@host/db",
        "postgresql://shop:s3/cret@host/db",
        "postgresql://shop:s3/cret@host",
        "postgresql://shop:1/s3cret@host/db",
        "postgresql://shop:1/s3?cret@host/db",
        "postgresql://shop:s3#c/ret@host/db",
        "postgresql://sh/op:s3cret@host",
        "postgresql://shop@corp:s3cret@host/db",
      })
  void refusesAUriWhosePasswordCouldBeTakenForSomethingElseAndShowsNothingOfIt(String text) {
    assertThatThrownBy(() -> parse(text, Map.of()))
        .isInstanceOfSatisfying(
            StetException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.CONFIGURATION);
              assertThat(e.getMessage() + e.hint())
                  .doesNotContain("s3", "cret", "host", "shop", "corp");
              assertThat(e.hint()).startsWith("Percent-encode");
            });
  }

  @Test
  void prefersTextThenServiceThenEnvironmentThenDefaults() throws Exception {
    Path file = home.resolve(".pg_service.conf");
    Files.writeString(
        file,
        """
        # comment
        [other]
        host=other.example.org
        [shop]
        host=db.example.org
        port=5433
        user=service-user

        [third]
        host=third.example.org
        """);
    ConnectionSettings settings =
        parse(
            "service=shop user=text-user",
            Map.of("PGHOST", "env.example.org", "PGDATABASE", "env-db", "PGPORT", "1"));
    assertThat(settings.describe()).isEqualTo("database \"env-db\" on db.example.org:5433");
    assertThat(settings.user()).isEqualTo("text-user");
    assertThat(parse("", Map.of("PGSERVICE", "third", "PGUSER", "u")).describe())
        .isEqualTo("database \"u\" on third.example.org");
    assertThatThrownBy(() -> parse("service=nowhere", Map.of("PGSYSCONFDIR", home.toString())))
        .hasMessageStartingWith("definition of service \"nowhere\" not found in " + file);
    assertThatThrownBy(() -> parse("service=shop", Map.of("PGSERVICEFILE", "/no/file")))
        .hasMessage("service file /no/file not found");
    Files.writeString(file, "[shop]\nhost=h\npasswrod=x\n");
    assertThatThrownBy(() -> parse("service=shop", Map.of()))
        .hasMessage(file + ":3: unknown connection parameter \"passwrod\"");
  }

  @Test
  void takesUserAndDatabaseFromTheSystemUserWhenNothingSaysOtherwise() {
    String user = System.getProperty("user.name");
    ConnectionSettings settings = parse("", Map.of());
    assertThat(settings.user()).isEqualTo(user);
    assertThat(settings.database()).isEqualTo(user);
    assertThat(settings.describeServer()).startsWith("socket /");
  }

  @Test
  void passwordFileFollowsItsRules() throws Exception {
    Path file = home.resolve("pass");
    Files.writeString(
        file,
        """
        # db.example.org:5432:shop:u:commented
        db.example.org:5432:other:u:wrong
        too:few:fields
        db\\:1:*:*:*:colon\\:and\\\\slash:rest
        db.example.org:5432:shop:u:right
        *:*:*:*:last
        """);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    List<String> warnings = new ArrayList<>();
    assertThat(PasswordFile.find(file, "db.example.org", "5432", "shop", "u", warnings::add))
        .isEqualTo("right");
    assertThat(PasswordFile.find(file, "db:1", "1", "x", "u", warnings::add))
        .isEqualTo("colon:and\\slash");
    assertThat(PasswordFile.find(file, "x", "1", "x", "u", warnings::add)).isEqualTo("last");
    assertThat(warnings).isEmpty();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThat(PasswordFile.find(file, "x", "1", "x", "u", warnings::add)).isNull();
    assertThat(warnings).singleElement().asString().contains("can be read by others");
    assertThat(PasswordFile.find(home, "x", "1", "x", "u", warnings::add)).isNull();
    assertThat(PasswordFile.find(home.resolve("none"), "x", "1", "x", "u", warnings::add)).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"simple", "c:o\\l:on\\", " spaces ", "é€😀", "*"})
  void ownPasswordFileGivesBackAnyPassword(String password) throws Exception {
    Path file = home.resolve("pgpass");
    Files.writeString(file, PasswordFile.text(password));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    assertThat(PasswordFile.find(file, "h", "1", "d", "u", w -> {})).isEqualTo(password);
  }

  @Test
  void childrenGetTheSameServerAndNoPasswordInTheirEnvironment() throws Exception {
    ConnectionSettings settings =
        parse(
            "host=db.example.org hostaddr=192.0.2.1 port=5433 user=u password='s3 cret' dbname='a=b'"
                + " sslmode=verify-full options='-c geqo=off'",
            Map.of("PGSSLROOTCERT", "/etc/root.crt", "PGCLIENTENCODING", "LATIN1"));
    try (PrivateFiles files = PrivateFiles.create()) {
      Map<String, String> environment = settings.childEnvironment(files);
      String passwordFile = environment.remove("PGPASSFILE");
      assertThat(Files.readString(Path.of(passwordFile))).isEqualTo("*:*:*:*:s3 cret\n");
      assertThat(environment)
          .containsExactlyInAnyOrderEntriesOf(
              Map.of(
                  "PGHOST", "db.example.org",
                  "PGHOSTADDR", "192.0.2.1",
                  "PGPORT", "5433",
                  "PGUSER", "u",
                  "PGDATABASE", "a=b",
                  "PGSSLMODE", "verify-full",
                  "PGSSLROOTCERT", "/etc/root.crt",
                  "PGOPTIONS", "-c geqo=off",
                  "PGAPPNAME", "stet"));
    }
    assertThat(ConnectionSettings.childDatabase("it's \\ a=b"))
        .isEqualTo("dbname='it\\'s \\\\ a=b'");
    assertThat(Conninfo.parse(ConnectionSettings.childDatabase("it's \\ a=b")))
        .containsExactly(Map.entry("dbname", "it's \\ a=b"));
  }
}
