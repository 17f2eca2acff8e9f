package stet.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import stet.cli.output.Terminal;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;

/**
 * A process that runs the program many times, one after the other: what takes longest in a short
 * command is the JVM's start. Each run is the real one but for the end of the process.
 */
final class ProgramHost implements AutoCloseable {
  private final Process process;
  private final DataOutputStream requests;
  private final DataInputStream answers;

  /** Uses a process that runs {@link #main}. */
  ProgramHost(Process process) {
    this.process = process;
    this.requests = new DataOutputStream(process.getOutputStream());
    this.answers = new DataInputStream(process.getInputStream());
  }

  boolean isAlive() {
    return process.isAlive();
  }

  Stet.Result run(int seconds, String... arguments) throws Exception {
    requests.writeInt(arguments.length);
    for (String argument : arguments) {
      write(requests, argument.getBytes(StandardCharsets.UTF_8));
    }
    requests.flush();
    CompletableFuture<Stet.Result> answer = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            int status = answers.readInt();
            String output = new String(read(answers), StandardCharsets.UTF_8);
            String error = new String(read(answers), StandardCharsets.UTF_8);
            answer.complete(new Stet.Result(status, output, error));
          } catch (IOException e) {
            answer.completeExceptionally(e);
          }
        });
    try {
      return answer.get(seconds, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      process.destroyForcibly();
      throw new AssertionError("the process that runs the program died", e);
    } catch (TimeoutException e) {
      process.destroyForcibly();
      throw new AssertionError("the program did not end within " + seconds + " s", e);
    }
  }

  private static void write(DataOutputStream to, byte[] bytes) throws IOException {
    to.writeInt(bytes.length);
    to.write(bytes);
  }

  private static byte[] read(DataInputStream from) throws IOException {
    return from.readNBytes(from.readInt());
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** Serves requests until nobody can make any more. */
  public static void main(String[] none) throws IOException {
    DataInputStream requests = new DataInputStream(System.in);
    DataOutputStream answers = new DataOutputStream(System.out);
    Map<String, String> variables = System.getenv();
    while (true) {
      String[] arguments;
      try {
        arguments = new String[requests.readInt()];
      } catch (EOFException e) {
        return;
      }
      for (int i = 0; i < arguments.length; i++) {
        arguments[i] = new String(read(requests), StandardCharsets.UTF_8);
      }
      ByteArrayOutputStream output = new ByteArrayOutputStream();
      ByteArrayOutputStream error = new ByteArrayOutputStream();
      Session session =
          new Session(
              new Surroundings(
                  variables,
                  Path.of("").toAbsolutePath(),
                  new ByteArrayInputStream(new byte[0]),
                  output,
                  error,
                  Terminal.ofProcess(variables)),
              () -> {});
      int status = new Program(session).run(arguments);
      answers.writeInt(status);
      for (byte[] text : List.of(output.toByteArray(), error.toByteArray())) {
        write(answers, text);
      }
      answers.flush();
    }
  }
}
