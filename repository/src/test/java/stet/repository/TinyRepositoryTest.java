package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static stet.repository.TinyRepository.hex;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.codec.BlobCompression;

/** What restic wrote, from stored bytes to plaintext. */
class TinyRepositoryTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        TinyRepository.KEY,
        TinyRepository.DATA_PACK,
        TinyRepository.TREE_PACK,
        TinyRepository.INDEX,
        TinyRepository.SNAPSHOT
      })
  void filesAreNamedByTheirBytes(String path) {
    assertThat(Id.of(TinyRepository.file(path)))
        .hasToString(path.substring(path.lastIndexOf('/') + 1));
  }

  @Test
  void theDataPackHoldsTheFile() {
    byte[] pack = TinyRepository.file(TinyRepository.DATA_PACK);
    byte[] frame = TinyRepository.MASTER_KEY.open(pack, 0, 54);
    assertThat(frame).isEqualTo(hex("28b52ffd000069000068656c6c6f207265737469630a"));
    byte[] plaintext = BlobCompression.decompress(frame, 0, frame.length, 13);
    assertThat(new String(plaintext, StandardCharsets.UTF_8)).isEqualTo("hello restic\n");
    assertThat(Id.of(plaintext)).isEqualTo(TinyRepository.DATA_BLOB);
  }

  @Test
  void theTreePackHoldsTheDirectory() {
    byte[] pack = TinyRepository.file(TinyRepository.TREE_PACK);
    byte[] frame = TinyRepository.MASTER_KEY.open(pack, 0, 206);
    assertThat(frame)
        .isEqualTo(
            hex(
                "28b52ffd400000001d050082cb24204069dc0008e69dfdb5d85683495e8270926580cb250c596e89"
                    + "f908cd51c0059885056281b882bb2b71296b89e9b6923a417291d43275dba92373e5b2836953a5b8"
                    + "aadca1bb58b27549a2fcc07f4e3fe769479afc4e58120347c8778b41438e2ea0900d64c580848644"
                    + "8391302daf39c264f0db3dcdd19b5994f3bb00e11dfd1d3c8087619ae0fc6e10e78a033fd1ee71ae"
                    + "0804002bd909255e841263a1a0f6"));
    byte[] plaintext = BlobCompression.decompress(frame, 0, frame.length, 256);
    assertThat(Id.of(plaintext)).isEqualTo(TinyRepository.TREE_BLOB);
  }
}
