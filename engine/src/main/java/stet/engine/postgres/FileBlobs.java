package stet.engine.postgres;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.tree.Node;

/** Saves files that are made up rather than read from a file system, in blobs of one size. */
final class FileBlobs {
  private static final int PIECE = 1 << 20;

  private FileBlobs() {}

  /** Saves a file's content. */
  static Node save(BlobSink sink, String name, Instant time, byte[] content) {
    List<Id> blobs = new ArrayList<>();
    for (int from = 0; from < content.length; from += PIECE) {
      blobs.add(sink.save(BlobType.DATA, content, from, Math.min(PIECE, content.length - from)));
    }
    return Node.file(name, time, content.length, blobs);
  }

  /** Saves a stream up to its end. */
  static Node save(BlobSink sink, String name, Instant time, InputStream content)
      throws IOException {
    List<Id> blobs = new ArrayList<>();
    byte[] buffer = new byte[PIECE];
    long size = 0;
    for (int read = content.readNBytes(buffer, 0, PIECE);
        read > 0;
        read = content.readNBytes(buffer, 0, PIECE)) {
      blobs.add(sink.save(BlobType.DATA, buffer, 0, read));
      size += read;
    }
    return Node.file(name, time, size, blobs);
  }
}
