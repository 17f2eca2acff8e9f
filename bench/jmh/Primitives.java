package stet.repository.crypto;

import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import stet.engine.RowHash;
import stet.repository.chunk.Polynomial;
import stet.repository.chunk.RabinChunker;
import stet.repository.codec.BlobCompression;

/**
 * What every byte of a backup or restore goes through, one mebibyte at a time in one thread: the
 * operations per second that JMH prints are MiB/s. In this package because Poly1305 is for it
 * alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
    value = 1,
    jvmArgs = {"-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"})
public class Primitives {
  private static final int MIB = 1 << 20;
  private static final int ROW = 100;
  private static final int FILE = 32 * MIB;

  private final byte[] random = new byte[MIB];
  private final byte[] file = new byte[FILE];
  private final byte[] text = new byte[MIB];
  private final byte[] out = new byte[2 * MIB];
  private final byte[] plain = new byte[MIB];
  private final MasterKey key = MasterKey.random();
  private final byte[] sealed;
  private final Poly1305 poly1305 = new Poly1305(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2});
  private final MessageDigest sha256;
  private final RabinChunker chunker =
      new RabinChunker(new RabinChunker.Tables(Polynomial.parse("3da3358b4dc173")));
  private final BlobCompression compression = new BlobCompression(BlobCompression.FAST);
  private final byte[] frame;
  private final RowHash rowHash = new RowHash(new RowHash.Key(1, 2));

  /** Makes the data: bytes that nothing compresses, and words of a small vocabulary. */
  public Primitives() {
    Random seeded = new Random(7);
    seeded.nextBytes(random);
    seeded.nextBytes(file);
    String[] words = new String[2000];
    for (int i = 0; i < words.length; i++) {
      words[i] = Long.toString(seeded.nextLong() & 0xffff_ffffL, 36) + " ";
    }
    for (int at = 0; at < MIB; ) {
      for (byte letter : words[Math.abs((int) (seeded.nextGaussian() * 300)) % 2000].getBytes(StandardCharsets.US_ASCII)) {
        if (at < MIB) {
          text[at++] = letter;
        }
      }
    }
    sealed = key.seal(random);
    byte[] room = new byte[BlobCompression.maxLength(MIB)];
    int framed = compression.compress(text, 0, MIB, room, 0);
    frame = Arrays.copyOf(room, framed);
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Benchmark
  public int sha256() throws DigestException {
    sha256.update(random);
    return sha256.digest(out, 0, 32);
  }

  @Benchmark
  public byte poly1305() {
    poly1305.tag(new byte[16], random, 0, MIB, out, 0);
    return out[0];
  }

  /** AES-256-CTR and Poly1305. */
  @Benchmark
  public int seal() {
    return key.seal(random, 0, MIB, out, 0);
  }

  /** Poly1305 and AES-256-CTR. */
  @Benchmark
  public int open() {
    return key.open(sealed, 0, sealed.length, out, 0);
  }

  /** Rabin chunking as of a file: of each chunk the first 512 KiB are passed over. */
  @Benchmark
  @OperationsPerInvocation(FILE / MIB)
  public int chunk() {
    int chunks = 0;
    for (int from = 0; from < FILE; chunks++) {
      from = chunker.next(file, from, FILE, true);
    }
    return chunks;
  }

  @Benchmark
  public int compress() {
    return compression.compress(text, 0, MIB, out, 0);
  }

  @Benchmark
  public byte decompress() {
    BlobCompression.decompress(frame, 0, frame.length, plain, 0, MIB);
    return plain[0];
  }

  /** The content hash, of rows of 100 bytes. */
  @Benchmark
  public long rowHash() {
    for (int at = 0; at + ROW <= MIB; at += ROW) {
      rowHash.row(text, at, ROW);
    }
    return rowHash.lastRow();
  }
}
