package stet.repository.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static stet.repository.TinyRepository.hex;

import java.util.Arrays;
import java.util.Random;
import org.bouncycastle.crypto.params.KeyParameter;
import org.junit.jupiter.api.Test;
import stet.repository.Seeded;

class Poly1305Test {
  private static byte[] tag(byte[] r, byte[] s, byte[] message, int offset, int length) {
    byte[] tag = new byte[20];
    new Poly1305(r).tag(s, message, offset, length, tag, 2);
    return Arrays.copyOfRange(tag, 2, 18);
  }

  private static byte[] expected(byte[] r, byte[] s, byte[] message, int offset, int length) {
    byte[] clamped = r.clone();
    for (int i = 3; i < 16; i += 4) {
      clamped[i] &= 0x0f;
    }
    for (int i = 4; i < 16; i += 4) {
      clamped[i] &= (byte) 0xfc;
    }
    byte[] key = Arrays.copyOf(clamped, 32);
    System.arraycopy(s, 0, key, 16, 16);
    var mac = new org.bouncycastle.crypto.macs.Poly1305();
    mac.init(new KeyParameter(key));
    mac.update(message, offset, length);
    byte[] tag = new byte[16];
    mac.doFinal(tag, 0);
    return tag;
  }

  @Test
  void givesTheTagOfBernsteinsPaper() {
    byte[] tag =
        tag(
            hex("851fc40c3467ac0be05cc20404f3f700"),
            hex("580b3b0f9447bb1e69d095b5928b6dbc"),
            hex("f3f6"),
            0,
            2);
    assertThat(tag).isEqualTo(hex("f4c633c3044fc145f84f335cb81953de"));
  }

  @Test
  void agreesWithBouncyCastleOnEveryLength() {
    Seeded.run(random -> {
      for (int length = 0; length < 600; length++) {
        compare(random, Seeded.bytes(random, length + 7), length);
      }
      for (int i = 0; i < 50; i++) {
        int length = random.nextInt(100_000);
        compare(random, Seeded.bytes(random, length + 7), length);
      }
    });
  }

  @Test
  void agreesWithBouncyCastleWhereCarriesRunThrough() {
    Seeded.run(random -> {
      for (int i = 0; i < 20_000; i++) {
        int length = random.nextInt(200);
        byte[] message = extreme(random, length + 7);
        byte[] r = extreme(random, 16);
        byte[] s = extreme(random, 16);
        assertThat(tag(r, s, message, 3, length)).isEqualTo(expected(r, s, message, 3, length));
      }
    });
  }

  private static byte[] extreme(Random random, int length) {
    byte[] bytes = new byte[length];
    int kind = random.nextInt(4);
    for (int i = 0; i < length; i++) {
      bytes[i] =
          switch (kind) {
            case 0 -> (byte) 0xff;
            case 1 -> (byte) (random.nextInt(10) == 0 ? random.nextInt() : 0xff);
            case 2 -> (byte) (random.nextBoolean() ? 0xff : 0);
            default -> (byte) (random.nextInt(10) == 0 ? random.nextInt() : 0);
          };
    }
    return bytes;
  }

  private static void compare(Random random, byte[] message, int length) {
    byte[] r = Seeded.bytes(random, 16);
    byte[] s = Seeded.bytes(random, 16);
    int offset = random.nextInt(8);
    assertThat(tag(r, s, message, offset, length))
        .as("length %d", length)
        .isEqualTo(expected(r, s, message, offset, length));
  }
}
