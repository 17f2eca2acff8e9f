package stet.repository.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static stet.repository.TinyRepository.hex;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class MasterKeyTest {
  private static final MasterKey KEY =
      new MasterKey(
          hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
          hex("202122232425262728292a2b2c2d2e2f"),
          hex("ffffffffffffffffffffffffffffffff"));

  private static byte[] seal(byte[] plaintext, String iv) {
    byte[] sealed = new byte[plaintext.length + 32];
    assertThat(KEY.seal(plaintext, 0, plaintext.length, sealed, 0, hex(iv)))
        .isEqualTo(sealed.length);
    return sealed;
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', 254b1c41800c8d3df5fb5537bf3a961f",
    "a, d1, 77491c5159058d4dcef455479833962f",
    "0123456789abcdef, 8081c748ffa281b4996aee95edfe0da4, 1afa2ff4e6a42deb384f59b84190aeb8",
    "The quick brown fox jumps over the lazy dog,"
        + " e4d8905bbae2dee0ca73ed85e1ed06e298eacb42041911a4168ec9b85b9b1b442e564c985d7193109ae7dc,"
        + " 3e54653db65ce293da2737297a7b691a"
  })
  void sealsAsRestic(String plaintext, String ciphertext, String tag) {
    String iv = "808182838485868788898a8b8c8d8e8f";
    byte[] expected = hex(iv + ciphertext + tag);
    byte[] bytes = plaintext.getBytes(StandardCharsets.US_ASCII);
    assertThat(seal(bytes, iv)).isEqualTo(expected);
    assertThat(KEY.open(expected, 0, expected.length)).isEqualTo(bytes);
  }

  @Test
  void countsThroughTheWholeBlock() {
    String iv = "ff".repeat(16);
    byte[] expected =
        hex(
            iv
                + "e999e41d4ca770da5387117b5d8f57eef29000b62a499fd0a9f39a6add2e7780"
                + "f05d76ae4ab99fe5a6f69b3148c2363d44965271483180abbd5002f91bd2b8d3");
    assertThat(seal(new byte[48], iv)).isEqualTo(expected);
  }

  /** Chooses the plaintext so that the ciphertext is the message of Bernstein's paper. */
  @Test
  void authenticatesAsPoly1305AesDoes() {
    MasterKey key =
        new MasterKey(
            new byte[32],
            hex("ec074c835580741701425b623235add6"),
            hex("851fc40c3467ac0be05cc20404f3f700"));
    byte[] nonce = hex("fb447350c4e868c52ac3275cf9d4327e");
    byte[] sealed = new byte[34];
    key.seal(new byte[2], 0, 2, sealed, 0, nonce);
    byte[] plaintext = {(byte) (sealed[16] ^ 0xf3), (byte) (sealed[17] ^ 0xf6)};
    key.seal(plaintext, 0, 2, sealed, 0, nonce);
    assertThat(sealed)
        .isEqualTo(hex("fb447350c4e868c52ac3275cf9d4327e f3f6 f4c633c3044fc145f84f335cb81953de"));
  }

  @Test
  void opensWhatResticSealed() {
    assertThat(new String(TinyRepository.open("config"), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"version\":2,\"id\":\"f4386f1f9a52dc15013b003835221e4c212340d13c16acba6553c296c35341af\","
                + "\"chunker_polynomial\":\"2d5f9dbaed39ad\"}");
  }

  @Test
  void opensWhatItSealedAtAnyLengthAndPlace() {
    Seeded.run(random -> {
      for (int i = 0; i < 300; i++) {
        int length = random.nextBoolean() ? random.nextInt(100) : random.nextInt(200_000);
        byte[] source = Seeded.bytes(random, length + 10);
        int from = random.nextInt(10);
        int to = random.nextInt(10);
        byte[] sealed = new byte[length + 32 + 10];
        assertThat(KEY.seal(source, from, length, sealed, to)).isEqualTo(length + 32);
        byte[] target = new byte[length + 10];
        assertThat(KEY.open(sealed, to, length + 32, target, from)).isEqualTo(length);
        assertThat(Arrays.copyOfRange(target, from, from + length))
            .isEqualTo(Arrays.copyOfRange(source, from, from + length));
        byte[] exact = Arrays.copyOfRange(sealed, to, to + length + 32);
        assertThat(KEY.open(exact, 0, exact.length)).hasSize(length);
      }
    });
  }

  @Test
  void neverSealsTheSameWayTwice() {
    byte[] plaintext = new byte[100];
    assertThat(KEY.seal(plaintext)).isNotEqualTo(KEY.seal(plaintext));
  }

  @Test
  void refusesBytesThatWereChanged() {
    Seeded.run(random -> {
      byte[] sealed = KEY.seal(Seeded.bytes(random, 200));
      for (int i = 0; i < sealed.length; i++) {
        byte[] changed = sealed.clone();
        changed[i] ^= (byte) (1 << random.nextInt(8));
        byte[] target = new byte[200];
        assertThatThrownBy(() -> KEY.open(changed, 0, changed.length, target, 0))
            .isInstanceOfSatisfying(
                RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
            .hasMessage("authentication failed");
        assertThat(target).containsOnly(0);
      }
    });
  }

  @Test
  void refusesTooFewBytes() {
    for (int length = 0; length < 32; length++) {
      byte[] sealed = new byte[length];
      assertThatThrownBy(() -> KEY.open(sealed, 0, sealed.length))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
    }
  }

  @Test
  void refusesAnotherKeysBytes() {
    byte[] sealed = MasterKey.random().seal(new byte[10]);
    assertThatThrownBy(() -> KEY.open(sealed, 0, sealed.length))
        .hasMessage("authentication failed");
  }

  @Test
  void servesManyVirtualThreadsAndSeveralKeysAtOnce() throws Exception {
    List<MasterKey> keys = List.of(KEY, MasterKey.random(), MasterKey.random());
    List<Future<?>> runs = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int t = 0; t < 200; t++) {
        int seed = t;
        runs.add(
            threads.submit(() -> {
              Random random = new Random(seed);
              for (int i = 0; i < 20; i++) {
                byte[] plaintext = Seeded.bytes(random, random.nextInt(40_000));
                MasterKey key = keys.get(random.nextInt(keys.size()));
                byte[] sealed = key.seal(plaintext);
                assertThat(key.open(sealed, 0, sealed.length)).isEqualTo(plaintext);
              }
            }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    }
  }

  @Test
  void doesNotShowItself() {
    assertThat(KEY).hasToString("MasterKey");
  }
}
