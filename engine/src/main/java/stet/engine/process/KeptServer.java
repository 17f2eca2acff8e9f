package stet.engine.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * A PostgreSQL server that this process keeps: it runs under a shell that stops it when its
 * standard input ends, which is when this is closed, and also when this process is gone in whatever
 * way.
 */
public final class KeptServer implements AutoCloseable {
  private static final int START_SECONDS = 60;
  private static final int STOP_SECONDS = 30;

  private static final int LAST_LINES = 10;

  /**
   * Has the C library ask for huge pages. Sorting, as indexes are built by, goes to and fro in tens
   * of megabytes: in a virtual machine that took a sixth to a third less processor time so.
   */
  private static final String HUGE_PAGES = "glibc.malloc.hugetlb=1";

  /** Outlives neither its input nor the server. */
  private static final String KEEPER =
      """
      exec 3<&0
      "$@" </dev/null 3<&- & server=$!
      (cat <&3 >/dev/null; STOP) & watch=$!
      exec 3<&-
      wait $server; status=$?
      kill $watch; exit $status
      """;

  private final Path log;
  private final Process process;

  private KeptServer(Path log, Process process) {
    this.log = log;
    this.process = process;
  }

  /** How a server is stopped. */
  public enum Stop {
    /** With a checkpoint, so that it can be started again; at once if that takes long. */
    ORDERLY("kill -INT $server; sleep 10; kill -QUIT $server"),
    /** At once, where its data are not needed any more. */
    AT_ONCE("kill -QUIT $server");

    private final String script;

    Stop(String script) {
      this.script = script;
    }
  }

  /**
   * Starts a server; it is not ready yet.
   *
   * @param user who runs it
   * @param command its program with the arguments
   * @param log takes what it says; made if it is missing
   */
  public static KeptServer start(ServerUser user, List<String> command, Path log, Stop stop)
      throws IOException {
    if (!Files.exists(log)) {
      Files.createFile(
          log, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      user.own(log);
    }
    // A session of its own: a Ctrl-C on the terminal must not reach it before those who use it.
    List<String> all = new ArrayList<>(List.of("setsid"));
    all.addAll(user.prefix());
    all.addAll(List.of("sh", "-c", KEEPER.replace("STOP", stop.script), "sh"));
    all.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(all)
            .directory(Path.of("/").toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.startsWith("PG") || name.startsWith("LC_") || name.equals("LANG"));
    builder.environment().put("LC_ALL", "C");
    builder.environment().putIfAbsent("GLIBC_TUNABLES", HUGE_PAGES);
    return new KeptServer(log, builder.start());
  }

  /** Tries to use a server. */
  @FunctionalInterface
  public interface Attempt {
    /** Why it cannot be used yet, or null if it can. */
    @Nullable Exception run();
  }

  /**
   * Waits until a server can be used.
   *
   * @param what it is called in messages
   * @throws StetException with {@code SOURCE} and the server's own words if that is never so
   */
  public void await(String what, Attempt attempt) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    for (Exception failure = attempt.run(); failure != null; failure = attempt.run()) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new StetException(
            ErrorCode.SOURCE,
            what + " did not start: " + failure.getMessage() + "\n" + lastWords(),
            null,
            failure);
      }
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
    }
  }

  private String lastWords() throws IOException {
    List<String> lines = Files.readAllLines(log);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
  }

  /** Stops the server. The end is waited for even if this thread was asked to stop. */
  @Override
  public void close() {
    boolean interrupted = Thread.interrupted();
    try {
      process.getOutputStream().close();
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        kill();
      }
    } catch (IOException e) {
      kill();
    } catch (InterruptedException e) {
      interrupted = true;
      kill();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
