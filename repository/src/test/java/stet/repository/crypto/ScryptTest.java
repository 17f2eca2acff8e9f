package stet.repository.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static stet.repository.TinyRepository.hex;

import java.util.Base64;
import org.bouncycastle.crypto.generators.SCrypt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class ScryptTest {
  @Test
  void derivesTheKeysOfAResticKeyFile() {
    byte[] salt =
        Base64.getDecoder()
            .decode(
                "xTN23NXmXlg6djRuq3VpNCQK35w5v9wklo5DmXD0HPxjsf99l0PgKkJj08mn/Lh+JmxN9WuvLdJ15oYtiTtvrA==");
    assertThat(Scrypt.derive(TinyRepository.PASSWORD, salt, 32768, 8, 5, 64))
        .isEqualTo(
            hex(
                "e8d53ade8b29f5631489480e755fc19c022e8a9293ce5b804fa1a204982718a8"
                    + "dc56c3323fe187ca7af51c71131a00a7c7cd5a8fa21cff1a7ba6d3b7d47e98f4"));
  }

  @Test
  void agreesWithBouncyCastle() {
    Seeded.run(random -> {
      for (int i = 0; i < 60; i++) {
        byte[] password = Seeded.bytes(random, random.nextInt(200));
        byte[] salt = Seeded.bytes(random, random.nextInt(200));
        int n = 2 << random.nextInt(10);
        int r = 1 + random.nextInt(10);
        int p = 1 + random.nextInt(4);
        int length = 1 + random.nextInt(150);
        // Bouncy Castle takes the limit of RFC 7914 on N, which restic's library does not.
        if (n < 1L << 16 * r) {
          assertThat(Scrypt.derive(password, salt, n, r, p, length))
              .as("N %d r %d p %d", n, r, p)
              .isEqualTo(SCrypt.generate(password, salt, n, r, p, length));
        }
      }
    });
  }

  @Test
  void takesAnEmptyPassword() {
    assertThat(Scrypt.derive(new byte[0], new byte[0], 16, 1, 1, 64))
        .isEqualTo(
            hex(
                "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                    + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 8, 1",
    "1, 8, 1",
    "-2147483648, 8, 1",
    "32767, 8, 1",
    "16, 0, 1",
    "16, 1, 0",
    "16, 32768, 32768",
    "16777216, 1, 1",
    "2097152, 8, 1"
  })
  void refusesParametersThatResticRefuses(int n, int r, int p) {
    assertThatThrownBy(() -> Scrypt.derive(new byte[0], new byte[64], n, r, p, 64))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("scrypt ");
  }
}
