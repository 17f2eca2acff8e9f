package stet.repository.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class KeyFileTest {
  private static final byte[] RESTIC = TinyRepository.file(TinyRepository.KEY);

  @Test
  void opensResticsKeyFile() {
    KeyFile file = KeyFile.parse(RESTIC);
    assertThat(file.user()).isEqualTo("root");
    assertThat(file.host()).isEqualTo("vm");
    assertThat(file.created()).isEqualTo(Instant.parse("2026-11-20T18:27:40.997767504Z"));
    MasterKey key = file.unlock(TinyRepository.PASSWORD).orElseThrow();
    assertThat(key.encrypt()).isEqualTo(TinyRepository.MASTER_KEY.encrypt());
    assertThat(key.k()).isEqualTo(TinyRepository.MASTER_KEY.k());
    assertThat(key.r()).isEqualTo(TinyRepository.MASTER_KEY.r());
  }

  @Test
  void writesTheBytesItRead() {
    assertThat(KeyFile.parse(RESTIC).toBytes()).isEqualTo(RESTIC);
  }

  @Test
  void saysThatAPasswordIsWrong() {
    assertThat(KeyFile.parse(RESTIC).unlock("wrong".getBytes(StandardCharsets.UTF_8))).isEmpty();
  }

  @Test
  void opensWhatItCreated() {
    for (String password : new String[] {"", "pässword \u2603"}) {
      byte[] bytes = password.getBytes(StandardCharsets.UTF_8);
      MasterKey key = MasterKey.random();
      byte[] file =
          KeyFile.create(key, bytes, "jo", "host", Instant.parse("2026-11-20T18:00:00.5Z"))
              .toBytes();
      KeyFile read = KeyFile.parse(file);
      assertThat(read.created()).isEqualTo(Instant.parse("2026-11-20T18:00:00.5Z"));
      assertThat(new String(file, StandardCharsets.UTF_8))
          .startsWith(
              "{\"created\":\"2026-11-20T18:00:00.5Z\",\"username\":\"jo\",\"hostname\":\"host\","
                  + "\"kdf\":\"scrypt\",\"N\":32768,\"r\":8,\"p\":5,\"salt\":\"");
      byte[] sealed = key.seal(new byte[5]);
      assertThat(read.unlock(bytes).orElseThrow().open(sealed, 0, sealed.length)).hasSize(5);
    }
  }

  @Test
  void refusesATruncatedKeyFile() {
    for (int length = 0; length < RESTIC.length; length++) {
      byte[] cut = Arrays.copyOf(RESTIC, length);
      assertThatThrownBy(() -> KeyFile.parse(cut))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
          .hasMessageStartingWith("not a usable key file: ");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"N\":32768 | \"N\":32767 | DAMAGED",
        "\"N\":32768 | \"N\":-1 | DAMAGED",
        "\"N\":32768 | \"N\":\"32768\" | DAMAGED",
        "\"N\":32768 | \"N\":1048576 | UNSUPPORTED",
        "\"p\":5 | \"p\":0 | DAMAGED",
        "\"p\":5 | \"p\":5.0 | DAMAGED",
        "\"p\":5 | \"p\":99999 | UNSUPPORTED",
        "\"salt\":\"xTN2 | \"salt\":\" | DAMAGED",
        "\"salt\":\"xTN2 | \"salt\":\"*TN2 | DAMAGED",
        "\"salt\" | \"pepper\" | DAMAGED",
        "\"data\" | \"date\" | DAMAGED",
        "scrypt | argon2 | UNSUPPORTED",
      })
  void refusesAnotherKeyFile(String part, String replacement, Problem problem) {
    String changed = new String(RESTIC, StandardCharsets.UTF_8).replace(part, replacement);
    if (replacement.contains("1048576")) {
      changed = changed.replace("\"p\":5", "\"p\":50");
    }
    byte[] bytes = changed.getBytes(StandardCharsets.UTF_8);
    assertThat(bytes).isNotEqualTo(RESTIC);
    assertThatThrownBy(() -> KeyFile.parse(bytes))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(problem));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "[]", "{}", "{} {}", "\"x\"", "\u0000", "{\"kdf\":null}"})
  void refusesOtherText(String text) {
    assertThatThrownBy(() -> KeyFile.parse(text.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(RepositoryException.class);
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      for (int i = 0; i < 5_000; i++) {
        byte[] damaged = Seeded.mutate(random, RESTIC);
        try {
          KeyFile.parse(damaged).toBytes();
        } catch (RepositoryException e) {
          assertThat(e.problem()).isIn(Problem.DAMAGED, Problem.UNSUPPORTED);
        }
      }
    });
  }

  @Test
  void opensWithNothingButThePasswordsKey() {
    String text = new String(RESTIC, StandardCharsets.UTF_8);
    byte[] changed = text.replace("FSYAPiDv", "FSYAPiDw").getBytes(StandardCharsets.UTF_8);
    assertThat(KeyFile.parse(changed).unlock(TinyRepository.PASSWORD)).isEmpty();
  }
}
