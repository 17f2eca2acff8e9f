package stet.cli.session;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** The lines that a person types. */
final class Answers {
  /** What a terminal takes as one line. */
  private static final int MAX_BYTES = 4096;

  private final InputStream input;

  Answers(InputStream input) {
    this.input = input;
  }

  /**
   * The next line without its end, or null at the end of the input.
   *
   * @throws IOException if it cannot be read or is too long
   * @throws StetException with {@code INTERRUPTED}
   */
  byte @Nullable [] next() throws IOException {
    // A read of standard input cannot be interrupted, so another thread does it.
    FutureTask<byte @Nullable []> line = new FutureTask<>(this::line);
    Thread.ofPlatform().daemon().name("answer").start(line);
    try {
      return line.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    }
  }

  private byte @Nullable [] line() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int next = input.read(); next != '\n'; next = input.read()) {
      if (next < 0) {
        return bytes.size() == 0 ? null : bytes.toByteArray();
      }
      if (bytes.size() == MAX_BYTES) {
        throw new IOException("the line has more than " + MAX_BYTES + " bytes");
      }
      bytes.write(next);
    }
    return bytes.toByteArray();
  }
}
