package stet.repository.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static stet.repository.TinyRepository.hex;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class BlobCompressionTest {
  private static final BlobCompression COMPRESSION = new BlobCompression(BlobCompression.FAST);

  private static byte[] compress(byte[] plaintext) {
    byte[] target = new byte[BlobCompression.maxLength(plaintext.length)];
    int length = COMPRESSION.compress(plaintext, 0, plaintext.length, target, 0);
    return Arrays.copyOf(target, length);
  }

  @Test
  void decompressesResticsBlobs() {
    byte[] frame = hex("28b52ffd000069000068656c6c6f207265737469630a");
    assertThat(BlobCompression.decompress(frame, 0, frame.length, 13))
        .isEqualTo("hello restic\n".getBytes(StandardCharsets.UTF_8));
    byte[] pack = TinyRepository.file(TinyRepository.TREE_PACK);
    byte[] tree = TinyRepository.MASTER_KEY.open(pack, 0, 206);
    assertThat(Id.of(BlobCompression.decompress(tree, 0, tree.length, 256)))
        .isEqualTo(TinyRepository.TREE_BLOB);
  }

  @Test
  void decompressesWhatItCompressed() {
    Seeded.run(random -> {
      for (int i = 0; i < 200; i++) {
        byte[] plaintext = Seeded.bytes(random, 1 + random.nextInt(100_000));
        int same = random.nextInt(plaintext.length);
        Arrays.fill(plaintext, 0, same, (byte) 7);
        byte[] target = new byte[5 + BlobCompression.maxLength(plaintext.length)];
        int length = COMPRESSION.compress(plaintext, 0, plaintext.length, target, 5);
        assertThat(BlobCompression.decompress(target, 5, length, plaintext.length))
            .isEqualTo(plaintext);
      }
    });
  }

  @Test
  void decompressesTheHighestRatio() throws Exception {
    byte[] zeros = new byte[64 << 20];
    byte[] frame = compress(zeros);
    assertThat(BlobCompression.decompress(frame, 0, frame.length, zeros.length)).isEqualTo(zeros);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZstdOutputStream zstd = new ZstdOutputStream(out, 19)) {
      zstd.write(zeros);
    }
    assertThat(BlobCompression.decompress(out.toByteArray(), 0, out.size(), zeros.length))
        .isEqualTo(zeros);
  }

  @Test
  void refusesAnotherLength() {
    byte[] frame = compress(new byte[1000]);
    for (int length : new int[] {0, 1, 999, 1001, 2000, 100_000_000, -1, Integer.MIN_VALUE}) {
      assertThatThrownBy(() -> BlobCompression.decompress(frame, 0, frame.length, length))
          .as("length %d", length)
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
    }
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] plaintext = Seeded.bytes(random, 3_000);
      Arrays.fill(plaintext, 500, 2_000, (byte) 1);
      byte[] frame = compress(plaintext);
      for (int i = 0; i < 5_000; i++) {
        byte[] damaged = Seeded.mutate(random, frame);
        try {
          assertThat(BlobCompression.decompress(damaged, 0, damaged.length, plaintext.length))
              .hasSize(plaintext.length);
        } catch (RepositoryException e) {
          assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
        }
      }
    });
  }
}
