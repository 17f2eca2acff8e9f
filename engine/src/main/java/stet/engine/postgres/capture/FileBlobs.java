package stet.engine.postgres.capture;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.chunk.Polynomial;
import stet.repository.chunk.RabinChunker;
import stet.repository.tree.Node;

/**
 * Saves files that are made up rather than read from a file system, cut by their content. Safe for
 * use by several threads.
 */
public final class FileBlobs {
  private static final int READ = 1 << 20;

  private final BlobSink sink;
  private final RabinChunker.Tables tables;
  private final Instant time;

  /**
   * Prepares the saving of files.
   *
   * @param time the files' time of modification
   */
  public FileBlobs(BlobSink sink, Polynomial polynomial, Instant time) {
    this.sink = sink;
    this.tables = new RabinChunker.Tables(polynomial);
    this.time = time;
  }

  /** Saves a file's content. */
  public Node save(String name, byte[] content) {
    try {
      return save(name, new ByteArrayInputStream(content));
    } catch (IOException e) {
      throw new UncheckedIOException("reading an array cannot fail", e);
    }
  }

  /** Saves a stream up to its end. */
  Node save(String name, InputStream content) throws IOException {
    RabinChunker chunker = new RabinChunker(tables);
    List<Id> blobs = new ArrayList<>();
    byte[] buffer = new byte[READ];
    int start = 0;
    int end = 0;
    long size = 0;
    boolean ended = false;
    while (true) {
      int cut = chunker.next(buffer, start, end, ended);
      if (cut >= 0) {
        blobs.add(sink.save(BlobType.DATA, buffer, start, cut - start));
        start = cut;
      } else if (ended) {
        return Node.file(name, time, size, blobs);
      } else {
        if (end == buffer.length && start > 0) {
          System.arraycopy(buffer, start, buffer, 0, end - start);
          end -= start;
          start = 0;
        } else if (end == buffer.length) {
          buffer = Arrays.copyOf(buffer, Math.min(2 * buffer.length, RabinChunker.MAX));
        }
        int read = content.readNBytes(buffer, end, buffer.length - end);
        ended = read < buffer.length - end;
        end += read;
        size += read;
      }
    }
  }
}
