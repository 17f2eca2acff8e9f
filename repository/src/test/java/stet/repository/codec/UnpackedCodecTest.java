package stet.repository.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class UnpackedCodecTest {
  private static final byte[] SNAPSHOT_JSON =
      ("{\"time\":\"2024-01-02T03:04:05Z\","
              + "\"tree\":\"649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f\","
              + "\"paths\":[\"/hello.txt\"],\"hostname\":\"tvhost\",\"username\":\"root\","
              + "\"tags\":[\"demo\"]}")
          .getBytes(StandardCharsets.UTF_8);

  @Test
  void decodesResticsFiles() {
    byte[] snapshot = TinyRepository.open(TinyRepository.SNAPSHOT);
    assertThat(snapshot).startsWith(TinyRepository.hex("0228b52ffd0000b5"));
    assertThat(UnpackedCodec.decode(snapshot)).isEqualTo(SNAPSHOT_JSON);
    byte[] index = TinyRepository.open(TinyRepository.INDEX);
    assertThat(index).startsWith(TinyRepository.hex("0228b52ffd4000c6"));
    assertThat(new String(UnpackedCodec.decode(index), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"packs\":["
                + "{\"id\":\"ed0ad6419067316ea1de1fde2a6646b366f86e5aa6ad037945cd26f884c5f8ec\",\"blobs\":[{\"id\":\"fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f\",\"type\":\"data\",\"offset\":0,\"length\":54,\"uncompressed_length\":13}]},"
                + "{\"id\":\"fbeba972efaa53e6db6bc097db085a53a970f8ae1d6f9295d96ad5b608bc55ec\",\"blobs\":[{\"id\":\"649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f\",\"type\":\"tree\",\"offset\":0,\"length\":206,\"uncompressed_length\":256}]}]}\n");
  }

  @Test
  void decodesWhatItEncoded() {
    Seeded.run(random -> {
      for (int length : new int[] {1, 2, 100, 65_535, 65_536, 65_537, 1_048_576, 5_000_000}) {
        byte[] json = Seeded.bytes(random, length);
        byte[] encoded = UnpackedCodec.encode(json);
        assertThat(encoded[0]).isEqualTo((byte) 2);
        assertThat(UnpackedCodec.decode(encoded)).isEqualTo(json);
      }
    });
  }

  @Test
  void takesRawJsonAndNothing() {
    assertThat(UnpackedCodec.decode(SNAPSHOT_JSON)).isEqualTo(SNAPSHOT_JSON);
    assertThat(UnpackedCodec.decode(new byte[] {'['})).isEqualTo(new byte[] {'['});
    assertThat(UnpackedCodec.decode(new byte[0])).isEmpty();
  }

  @Test
  void decodesSeveralFramesAndFramesWithoutSize() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(2);
    out.write(Zstd.compress(Arrays.copyOf(SNAPSHOT_JSON, 50)));
    ByteArrayOutputStream second = new ByteArrayOutputStream();
    try (ZstdOutputStream zstd = new ZstdOutputStream(second).setChecksum(true)) {
      zstd.write(SNAPSHOT_JSON, 50, SNAPSHOT_JSON.length - 50);
    }
    assertThat(Zstd.getFrameContentSize(second.toByteArray())).isLessThanOrEqualTo(0);
    second.writeTo(out);
    assertThat(UnpackedCodec.decode(out.toByteArray())).isEqualTo(SNAPSHOT_JSON);
  }

  @Test
  void refusesOtherEncodings() {
    for (byte first : new byte[] {0, 1, 3, ' ', (byte) 0xff}) {
      assertThatThrownBy(() -> UnpackedCodec.decode(new byte[] {first, '{', '}'}))
          .isInstanceOfSatisfying(
              RepositoryException.class,
              e -> assertThat(e.problem()).isEqualTo(Problem.UNSUPPORTED))
          .hasMessageStartingWith("not a known encoding");
    }
  }

  @Test
  void boundsItsMemory() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(2);
    try (ZstdOutputStream zstd = new ZstdOutputStream(out)) {
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 257; i++) {
        zstd.write(zeros);
      }
    }
    assertThatThrownBy(() -> UnpackedCodec.decode(out.toByteArray()))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.UNSUPPORTED))
        .hasMessage("decompresses to more than 256 MiB");
  }

  @Test
  void refusesATruncatedFile() {
    byte[] encoded = UnpackedCodec.encode(SNAPSHOT_JSON);
    for (int length = 1; length < encoded.length; length++) {
      byte[] cut = Arrays.copyOf(encoded, length);
      assertThatThrownBy(() -> UnpackedCodec.decode(cut))
          .as("%d of %d bytes", length, encoded.length)
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
    }
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] encoded = UnpackedCodec.encode(TinyRepository.open(TinyRepository.INDEX));
      for (int i = 0; i < 5_000; i++) {
        byte[] damaged = Seeded.mutate(random, encoded);
        try {
          UnpackedCodec.decode(damaged);
        } catch (RepositoryException e) {
          assertThat(e.problem()).isIn(Problem.DAMAGED, Problem.UNSUPPORTED);
        }
      }
    });
  }
}
