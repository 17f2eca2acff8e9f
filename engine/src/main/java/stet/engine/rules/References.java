package stet.engine.rules;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.PrivateFiles;

/**
 * The values of a column that are to be paths of files, read from one moment of a database and kept
 * in a private file until the files are known too.
 */
public final class References implements AutoCloseable {
  private final Rule rule;
  private final PrivateFiles files;
  private final Path path;

  private References(Rule rule, PrivateFiles files, Path path) {
    this.rule = rule;
    this.files = files;
    this.path = path;
  }

  /** Takes the values. */
  public interface Sink {
    /**
     * Takes a value, each once, in the order of {@link Paths#compare}.
     *
     * @param value the path
     * @param rows how many rows have it
     * @param example one of these rows
     */
    void accept(byte[] value, long rows, String example) throws IOException;
  }

  /** Gives the values to a sink. */
  @FunctionalInterface
  public interface Source<E extends Exception> {
    void writeTo(Sink sink) throws IOException, E;
  }

  /**
   * Keeps values.
   *
   * @throws StetException if they cannot be stored
   */
  public static <E extends Exception> References keep(Rule rule, Source<E> source) throws E {
    PrivateFiles files = PrivateFiles.create();
    boolean done = false;
    try {
      Path path = files.write("references", new byte[0]);
      try (DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(path), 1 << 16))) {
        source.writeTo((value, rows, example) -> {
          out.writeInt(value.length);
          out.write(value);
          out.writeLong(rows);
          byte[] text = example.getBytes(StandardCharsets.UTF_8);
          out.writeInt(text.length);
          out.write(text);
        });
      }
      done = true;
      return new References(rule, files, path);
    } catch (IOException e) {
      throw failed("cannot keep the values of rule \"" + rule.name() + "\"", e);
    } finally {
      if (!done) {
        files.close();
      }
    }
  }

  private static StetException failed(String what, IOException e) {
    return new StetException(
        ErrorCode.FAILED,
        what + ": " + e.getMessage(),
        "Set TMPDIR to a directory with more space.",
        e);
  }

  /** The rule. */
  public Rule rule() {
    return rule;
  }

  /** The component whose files are referred to. */
  public String component() {
    return ((Rule.Exists) rule.body()).files().text();
  }

  private record Reference(byte[] value, long rows, String example) {}

  private static @Nullable Reference next(DataInputStream in) throws IOException {
    int length;
    try {
      length = in.readInt();
    } catch (EOFException e) {
      return null;
    }
    byte[] value = in.readNBytes(length);
    long rows = in.readLong();
    return new Reference(
        value, rows, new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8));
  }

  /**
   * Compares the values with the files there are.
   *
   * @return how many rows refer to files that are not there, and how many files no row refers to
   */
  public Finding compare(Paths paths) {
    return compare(paths, missing -> {});
  }

  /**
   * Compares the values with the files there are.
   *
   * @param missing takes each value that is not the path of a file
   */
  public Finding compare(Paths paths, Consumer<byte[]> missing) {
    long violations = 0;
    long orphans = 0;
    List<String> examples = new ArrayList<>();
    List<String> orphanExamples = new ArrayList<>();
    MessageDigest hash = sha256();
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(path), 1 << 16))) {
      Reference reference = next(in);
      byte[] file = paths.next();
      while (reference != null || file != null) {
        int order =
            reference == null ? 1 : file == null ? -1 : Paths.compare(reference.value(), file);
        if (order < 0 && reference != null) {
          violations += reference.rows();
          missing.accept(reference.value());
          hash.update(reference.value());
          hash.update(("\0" + reference.rows() + "\0").getBytes(StandardCharsets.UTF_8));
          if (examples.size() < Finding.EXAMPLES) {
            examples.add(reference.example() + ": " + text(reference.value()));
          }
        } else if (order > 0 && file != null) {
          orphans++;
          if (orphanExamples.size() < Finding.EXAMPLES) {
            orphanExamples.add(text(file));
          }
        }
        reference = order <= 0 ? next(in) : reference;
        file = order >= 0 ? paths.next() : file;
      }
    } catch (IOException e) {
      throw failed("cannot read the values of rule \"" + rule.name() + "\" again", e);
    }
    return new Finding(
        rule.name(),
        rule.text(),
        violations,
        HexFormat.of().formatHex(hash.digest(), 0, 16),
        examples,
        new Finding.Orphans(orphans, orphanExamples));
  }

  private static String text(byte[] path) {
    return new String(path, StandardCharsets.UTF_8);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public void close() {
    files.close();
  }
}
