package stet.repository.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import stet.repository.Id;
import stet.repository.Seeded;

class RabinChunkerTest {
  private static final RabinChunker.Tables TABLES =
      new RabinChunker.Tables(Polynomial.parse("3da3358b4dc173"));

  /** What stock restic stored for {@link #keyStream()}: lengths and ids. */
  private static final String[] EXPECTED = {
    "551133 3ce030d97b29f48d1976586188dbcda336f6a3cbefa0688044e6cb9e1dbd5b58",
    "640712 074630d6b7216556abae8019136cd4d88c03cf7f6d797bc908be639477953365",
    "2766582 a89379ee810e0b9273bc05e1de2409a9f54312e9f92a957ff06aee7037a853c6",
    "898583 2a4a7a1c8e43abee679d0a71d0b105dcccf1eb46df78dacbcd4d110afd461ea2",
    "2782732 691f4c7c442a3d1a9bef8f1ffdcde472b17b38de124725c44d1d54292875043f",
    "2263350 cb9cbc8f9fe34b2a62af5c6a524fe3c789477b5ce8bdc14117c9b157404476b7",
    "531615 d7545cf76e2dd78faf39d8ca6c961b2457930093c5f9083187cf399d2fa18c75",
    "1191198 c8f0bc8854e554d08dcba707515121f4df21eb40dd63087509afca4c45fce3d4",
    "3039727 618b3ab416c6c9d024d49cd30171c55ef220ef2b67911880a55e525e52f11d7c",
    "2111584 ec92c95be9840a99bd6811c16da5df3792994ea663d923b1b68d416883ebf042",
  };

  private static byte[] keyStream() throws Exception {
    Cipher cipher = Cipher.getInstance("AES/CTR/NoPadding");
    cipher.init(
        Cipher.ENCRYPT_MODE,
        new SecretKeySpec(new byte[32], "AES"),
        new IvParameterSpec(new byte[16]));
    return cipher.update(new byte[16 << 20]);
  }

  /** Chunk lengths when all of a file is in memory. */
  private static List<Integer> cut(byte[] file) {
    RabinChunker chunker = new RabinChunker(TABLES);
    List<Integer> lengths = new ArrayList<>();
    int start = 0;
    for (int cut; (cut = chunker.next(file, start, file.length, true)) >= 0; start = cut) {
      lengths.add(cut - start);
    }
    return lengths;
  }

  /** Chunk lengths when a file is read in pieces of random size into a buffer of random size. */
  private static List<Integer> cutInPieces(RabinChunker chunker, byte[] file, Random random) {
    byte[] buffer = new byte[RabinChunker.MAX + random.nextInt(1 << 20)];
    int most = 1 + random.nextInt(random.nextBoolean() ? 5_000_000 : 50_000);
    List<Integer> lengths = new ArrayList<>();
    int read = 0;
    int start = 0;
    int end = 0;
    while (true) {
      int cut = chunker.next(buffer, start, end, read == file.length);
      if (cut >= 0) {
        lengths.add(cut - start);
        start = cut;
      } else if (read == file.length) {
        return lengths;
      } else {
        if (end == buffer.length) {
          System.arraycopy(buffer, start, buffer, 0, end - start);
          end -= start;
          start = 0;
        }
        int piece =
            Math.min(1 + random.nextInt(most), Math.min(file.length - read, buffer.length - end));
        System.arraycopy(file, read, buffer, end, piece);
        read += piece;
        end += piece;
      }
    }
  }

  /** The algorithm as restic's format describes it, byte by byte. */
  private static List<Integer> cutPlainly(Polynomial polynomial, byte[] file) {
    int degree = polynomial.degree();
    long[] out = new long[256];
    long[] mod = new long[256];
    for (int b = 0; b < 256; b++) {
      long hash = b;
      for (int i = 1; i < 64; i++) {
        hash = Polynomial.mod(hash << 8, polynomial.bits());
      }
      out[b] = hash;
      mod[b] = Polynomial.mod((long) b << degree, polynomial.bits()) | (long) b << degree;
    }
    List<Integer> lengths = new ArrayList<>();
    int start = 0;
    while (start < file.length) {
      byte[] window = new byte[64];
      long digest = 1;
      window[0] = 1;
      int wpos = 1;
      int count = RabinChunker.MIN - 64;
      int at = start + count;
      while (true) {
        if (at >= file.length) {
          at = file.length;
          break;
        }
        int b = file[at++] & 0xff;
        digest ^= out[window[wpos] & 0xff];
        window[wpos] = (byte) b;
        wpos = (wpos + 1) & 63;
        int index = (int) (digest >>> (degree - 8));
        digest = (digest << 8) | b;
        digest ^= mod[index];
        count++;
        if (count >= RabinChunker.MIN && ((digest & 0xfffff) == 0 || count >= RabinChunker.MAX)) {
          break;
        }
      }
      lengths.add(at - start);
      start = at;
    }
    return lengths;
  }

  @Test
  void cutsWhereResticCuts() throws Exception {
    byte[] file = keyStream();
    assertThat(Id.of(file))
        .hasToString("2ed49096a2b822e24f0c7b3bb3ca9c1d3e525f0dbe2f2c62ee2c2cdd630171f9");
    List<String> found = new ArrayList<>();
    int start = 0;
    for (int length : cut(file)) {
      found.add(length + " " + Id.of(file, start, length));
      start += length;
    }
    assertThat(found).containsExactly(EXPECTED);
  }

  @Test
  void cutsTheSameInAnyPieces() throws Exception {
    byte[] file = keyStream();
    List<Integer> expected = cut(file);
    Seeded.run(random -> {
      RabinChunker chunker = new RabinChunker(TABLES);
      for (int i = 0; i < 10; i++) {
        assertThat(cutInPieces(chunker, file, random)).isEqualTo(expected);
      }
    });
  }

  @Test
  void cutsAsTheDescriptionSays() {
    Seeded.run(random -> {
      for (int i = 0; i < 6; i++) {
        Polynomial polynomial = Polynomial.random(random);
        byte[] file = Seeded.bytes(random, random.nextInt(12_000_000));
        // Long runs of one byte, where no or every window may cut.
        for (int run = random.nextInt(4); run > 0 && file.length > 0; run--) {
          int at = random.nextInt(file.length);
          int end = Math.min(file.length, at + random.nextInt(4_000_000));
          Arrays.fill(file, at, end, (byte) random.nextInt(3));
        }
        RabinChunker chunker = new RabinChunker(new RabinChunker.Tables(polynomial));
        assertThat(cutInPieces(chunker, file, random))
            .as("polynomial %s, %d bytes", polynomial, file.length)
            .isEqualTo(cutPlainly(polynomial, file));
      }
    });
  }

  @Test
  void cutsZerosAtTheMinimum() {
    byte[] zeros = new byte[2 * RabinChunker.MIN + 10];
    assertThat(cut(zeros)).containsExactly(RabinChunker.MIN, RabinChunker.MIN, 10);
    assertThat(Id.of(zeros, 0, RabinChunker.MIN))
        .hasToString("07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541");
  }

  @Test
  void cutsAtTheMaximumAtLast() {
    byte[] ones = new byte[RabinChunker.MAX + 100];
    Arrays.fill(ones, (byte) 1);
    assertThat(cut(ones)).isEqualTo(cutPlainly(Polynomial.parse("3da3358b4dc173"), ones));
    assertThat(cut(ones)).containsExactly(RabinChunker.MAX, 100);
  }

  @Test
  void smallFilesAreOneChunk() {
    for (int length : new int[] {1, 63, 64, RabinChunker.MIN - 1, RabinChunker.MIN}) {
      byte[] file = new byte[length];
      Arrays.fill(file, (byte) 1);
      assertThat(cut(file)).containsExactly(length);
    }
    assertThat(cut(new byte[0])).isEmpty();
  }

  @Test
  void canGiveUpAFile() {
    RabinChunker chunker = new RabinChunker(TABLES);
    byte[] ones = new byte[RabinChunker.MAX];
    Arrays.fill(ones, (byte) 1);
    assertThat(chunker.next(ones, 0, ones.length - 1, false)).isEqualTo(-1);
    chunker.reset();
    assertThat(chunker.next(new byte[RabinChunker.MIN], 0, RabinChunker.MIN, false))
        .isEqualTo(RabinChunker.MIN);
  }

  @Test
  void refusesPolynomialsOfOtherDegrees() {
    assertThatThrownBy(() -> new RabinChunker.Tables(new Polynomial(7)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new RabinChunker.Tables(new Polynomial(1L << 54 | 1)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
