package stet.engine.files;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Progress;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Pool;
import stet.repository.RepositoryException;
import stet.repository.chunk.Polynomial;
import stet.repository.chunk.RabinChunker;

/**
 * Reads files and saves their content, cut where restic would cut it. Safe for use by several
 * threads.
 */
final class ContentWriter {
  /** How much is read before the chunker looks at it, while it is still in the cache. */
  private static final int READ = 256 << 10;

  /** How much of all files' chunks is given to others at a time, in KiB. */
  private static final int MAX_GIVEN_KIB = 32 << 10;

  private static final int MEBIBYTE = 1 << 20;

  /** How many chunks of one file are given to others at a time. */
  private static final int MAX_GIVEN = 3;

  private final BlobSink sink;
  private final Workers workers;
  private final Progress progress;
  private final Pool<byte[]> smallBuffers = new Pool<>(() -> new byte[RabinChunker.MIN]);
  private final Pool<Cutter> cutters;

  /** Of chunks that are given to others: kept, for moving them about costs the collector much. */
  private final Pool<byte[]> copies = new Pool<>(() -> new byte[0]);

  private final Semaphore givenKib = new Semaphore(MAX_GIVEN_KIB);
  private boolean zerosSaved;

  ContentWriter(BlobSink sink, Polynomial polynomial, Workers workers, Progress progress) {
    RabinChunker.Tables tables = new RabinChunker.Tables(polynomial);
    this.sink = sink;
    this.workers = workers;
    this.progress = progress;
    this.cutters = new Pool<>(() -> new Cutter(new RabinChunker(tables)));
  }

  /** A chunker and a buffer for its current chunk. */
  private record Cutter(RabinChunker chunker, byte[] buffer) {
    Cutter(RabinChunker chunker) {
      this(chunker, new byte[RabinChunker.MAX]);
    }
  }

  /**
   * What was saved of a file.
   *
   * @param size the bytes of all blobs together
   */
  record Content(List<Id> blobs, long size) {
    static final Content EMPTY = new Content(List.of(), 0);
  }

  /**
   * Saves the file's bytes from where it stands.
   *
   * @param size how many bytes to read; fewer if the file ends before
   * @param sparse whether it may have holes
   */
  Content write(FileHandle file, long size, boolean sparse) throws PosixException {
    if (size == 0) {
      return Content.EMPTY;
    }
    return size <= RabinChunker.MIN
        ? small(file, (int) size)
        : large(file, size, sparse ? new HoleReader(file, size) : null);
  }

  private Content small(FileHandle file, int size) throws PosixException {
    byte[] buffer = smallBuffers.take();
    try {
      int read = file.read(buffer, 0, size);
      if (read == 0) {
        return Content.EMPTY;
      }
      Id id = sink.save(BlobType.DATA, buffer, 0, read);
      progress.advance(read);
      return new Content(List.of(id), read);
    } finally {
      smallBuffers.give(buffer);
    }
  }

  private Content large(FileHandle file, long size, @Nullable HoleReader holes)
      throws PosixException {
    Cutter cutter = cutters.take();
    cutter.chunker.reset();
    byte[] buffer = cutter.buffer;
    Chunks chunks = new Chunks();
    int start = 0;
    int end = 0;
    long read = 0;
    boolean ended = false;
    while (true) {
      if (holes != null && holes.isHole(read - (end - start), RabinChunker.MIN)) {
        workers.check();
        // A chunk of a hole: what the chunker would cut, without looking at it.
        read += RabinChunker.MIN - (end - start);
        holes.seek(read);
        chunks.saveZeros();
        cutter.chunker.reset();
        start = 0;
        end = 0;
        ended = read == size;
        continue;
      }
      int cut = cutter.chunker.next(buffer, start, end, ended);
      if (cut >= 0) {
        chunks.save(buffer, start, cut - start);
        start = cut;
      } else if (ended) {
        break;
      } else {
        workers.check();
        if (end == buffer.length) {
          System.arraycopy(buffer, start, buffer, 0, end - start);
          end -= start;
          start = 0;
        }
        int want = (int) Math.min(Math.min(READ, buffer.length - end), size - read);
        int count = holes == null ? file.read(buffer, end, want) : holes.read(buffer, end, want);
        end += count;
        read += count;
        ended = count < want || read == size;
      }
    }
    List<Id> ids = chunks.ids();
    // Not given back when something failed, so that nobody else gets it half used.
    cutters.give(cutter);
    return new Content(ids, read);
  }

  /** The chunks of one large file: saved by other workers if these are free, else by this one. */
  private final class Chunks {
    private final List<Id> ids = new ArrayList<>();
    private final Deque<Save> given = new ArrayDeque<>();

    void save(byte[] buffer, int offset, int length) {
      if (workers.hasFree() && givenKib.tryAcquire(kib(length))) {
        Save save = new Save(buffer, offset, length);
        given.add(save);
        // If it is not taken after all, it is done when its id is asked for.
        workers.offer(save);
      } else {
        collect(0);
        ids.add(sink.save(BlobType.DATA, buffer, offset, length));
      }
      progress.advance(length);
      // Those at the front are most likely done; so few chunks are in memory at a time.
      collect(MAX_GIVEN);
    }

    void saveZeros() {
      collect(0);
      ids.add(zeroChunk());
      progress.advance(RabinChunker.MIN);
    }

    private void collect(int leave) {
      while (given.size() > leave) {
        ids.add(given.removeFirst().id());
      }
    }

    List<Id> ids() {
      collect(0);
      return ids;
    }
  }

  /** The id of a hole's chunk, which is saved when the first is found. */
  private synchronized Id zeroChunk() {
    if (!zerosSaved) {
      sink.save(BlobType.DATA, new byte[RabinChunker.MIN]);
      zerosSaved = true;
    }
    return SparseFiles.ZERO_CHUNK;
  }

  private static int kib(int bytes) {
    return (bytes >> 10) + 1;
  }

  /** A chunk to be saved by whoever comes first: the worker it is given to, or who needs its id. */
  private final class Save implements Workers.Work {
    private final AtomicBoolean claimed = new AtomicBoolean();
    private final CompletableFuture<Id> id = new CompletableFuture<>();
    private final byte[] copy;
    private final int length;

    Save(byte[] buffer, int offset, int length) {
      byte[] kept = copies.take();
      // Rounded up, so that it will do for the next one too.
      this.copy = kept.length >= length ? kept : new byte[(length + MEBIBYTE - 1) & -MEBIBYTE];
      this.length = length;
      System.arraycopy(buffer, offset, copy, 0, length);
    }

    @Override
    public void run() {
      if (!claimed.compareAndSet(false, true)) {
        return;
      }
      try {
        id.complete(sink.save(BlobType.DATA, copy, 0, length));
      } catch (RuntimeException | Error e) {
        id.completeExceptionally(e);
      } finally {
        copies.give(copy);
        givenKib.release(kib(length));
      }
    }

    Id id() {
      run();
      try {
        return id.join();
      } catch (CompletionException e) {
        if (e.getCause() instanceof RepositoryException failure) {
          throw failure;
        }
        throw e;
      }
    }
  }
}
