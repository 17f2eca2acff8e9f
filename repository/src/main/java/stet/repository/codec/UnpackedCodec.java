package stet.repository.codec;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;

/**
 * How index, snapshot and lock files hold their JSON, before encryption: compressed after a version
 * byte, or as it is. Key files and the configuration are not encoded like this.
 */
public final class UnpackedCodec {
  private static final byte VERSION_2 = 2;

  /** An index file of the largest size that restic still writes is about 80 MiB of JSON. */
  private static final int MAX_LENGTH = 256 * 1024 * 1024;

  private static final int FIRST_GUESS = 64 * 1024;
  private static final int LEVEL = 3;
  private static final BlobCompression COMPRESSION = new BlobCompression(LEVEL);

  private UnpackedCodec() {}

  /** Encodes JSON text for repositories of version 2. */
  public static byte[] encode(byte[] json) {
    byte[] target = new byte[1 + BlobCompression.maxLength(json.length)];
    target[0] = VERSION_2;
    int length = COMPRESSION.compress(json, 0, json.length, target, 1);
    return Arrays.copyOf(target, 1 + length);
  }

  /**
   * Gives back the JSON text.
   *
   * @throws RepositoryException as damaged if it is not whole, as unsupported if the encoding is
   *     not known or the text is over 256 MiB; the caller adds the file's name
   */
  public static byte[] decode(byte[] plaintext) {
    if (plaintext.length == 0) {
      return plaintext;
    }
    return switch (plaintext[0]) {
      case '{', '[' -> plaintext;
      case VERSION_2 -> decompress(plaintext);
      default ->
          throw new RepositoryException(
              Problem.UNSUPPORTED,
              "not a known encoding: the first byte is %d".formatted(plaintext[0] & 0xff),
              "A newer restic may have written it; see whether a newer version reads it.");
    };
  }

  private static byte[] decompress(byte[] plaintext) {
    if (plaintext.length == 1) {
      throw RepositoryException.damaged("ends after the version byte", null);
    }
    long stated = Zstd.getFrameContentSize(plaintext, 1, plaintext.length - 1);
    byte[] json = new byte[stated > 0 && stated <= 16 * FIRST_GUESS ? (int) stated : FIRST_GUESS];
    int length = 0;
    try (ZstdInputStreamNoFinalizer in =
        new ZstdInputStreamNoFinalizer(
            new ByteArrayInputStream(plaintext, 1, plaintext.length - 1))) {
      while (true) {
        if (length == json.length) {
          int next = in.read();
          if (next < 0) {
            return json;
          }
          if (length == MAX_LENGTH) {
            throw new RepositoryException(
                Problem.UNSUPPORTED,
                "decompresses to more than %d MiB".formatted(MAX_LENGTH >> 20),
                "Run `restic repair index`, which writes smaller files.");
          }
          json = Arrays.copyOf(json, Math.min(MAX_LENGTH, 2 * json.length));
          json[length++] = (byte) next;
        }
        int read = in.read(json, length, json.length - length);
        if (read < 0) {
          return Arrays.copyOf(json, length);
        }
        length += read;
      }
    } catch (IOException e) {
      throw RepositoryException.damaged("not whole zstd frames: " + e.getMessage(), e);
    }
  }
}
