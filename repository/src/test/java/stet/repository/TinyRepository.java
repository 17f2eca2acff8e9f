package stet.repository;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import stet.repository.crypto.MasterKey;

/** The files of a repository that restic 0.14 wrote, and what is known of it. */
public final class TinyRepository {
  public static final byte[] PASSWORD = "correct-horse".getBytes(StandardCharsets.US_ASCII);
  public static final String KEY =
      "keys/64075138e8891b59b88a02777dccbd7028997b15e46c2cef053197a5e7c51869";
  public static final String DATA_PACK =
      "data/ed/ed0ad6419067316ea1de1fde2a6646b366f86e5aa6ad037945cd26f884c5f8ec";
  public static final String TREE_PACK =
      "data/fb/fbeba972efaa53e6db6bc097db085a53a970f8ae1d6f9295d96ad5b608bc55ec";
  public static final String INDEX =
      "index/490625f0bd928d50c5be9c5c7925aa43cd0fed1eddf7ef19e64b07a2e6f0eb5c";
  public static final String SNAPSHOT =
      "snapshots/2e84816808e35c8808060c72aabf3f925f7095331acfb0ad16294cf9d1ce9b81";
  public static final Id DATA_BLOB =
      Id.parse("fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f");
  public static final Id TREE_BLOB =
      Id.parse("649c6d58771b264539af957c27fd0115b339556c481738b49ee0b7313d9aaa5f");

  /** The master key, which the password opens. */
  public static final MasterKey MASTER_KEY =
      new MasterKey(
          hex("bab57c948e6d750afe28299b8aac2cf2bbe68a74abc00495a7b5cf6c324cadad"),
          hex("7df51a854b16c9b6e3edf2123c6091c5"),
          hex("0472270010c6f207cceec0041cb5e204"));

  private static final int TAR_RECORD = 512;

  private TinyRepository() {}

  /** The stored bytes of one file, by its path in the repository. */
  public static byte[] file(String path) {
    return Objects.requireNonNull(files().get("tv/" + path), path);
  }

  /** The plaintext of one file that is sealed as a whole. */
  public static byte[] open(String path) {
    byte[] sealed = file(path);
    return MASTER_KEY.open(sealed, 0, sealed.length);
  }

  public static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits.replace(" ", ""));
  }

  private static Map<String, byte[]> files() {
    Map<String, byte[]> files = new HashMap<>();
    try (InputStream resource =
            TinyRepository.class.getResourceAsStream("restic-0.14-repository.tar.gz");
        DataInputStream tar =
            new DataInputStream(new GZIPInputStream(Objects.requireNonNull(resource)))) {
      byte[] header = new byte[TAR_RECORD];
      while (true) {
        tar.readFully(header);
        String name = text(header, 0, 100);
        if (name.isEmpty()) {
          return files;
        }
        int size = Integer.parseInt(text(header, 124, 12).strip(), 8);
        byte[] content = new byte[size];
        tar.readFully(content);
        tar.skipNBytes(-size & (TAR_RECORD - 1));
        files.put(name, content);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(byte[] header, int offset, int length) {
    int end = offset;
    while (end < offset + length && header[end] != 0) {
      end++;
    }
    return new String(header, offset, end - offset, StandardCharsets.US_ASCII);
  }
}
