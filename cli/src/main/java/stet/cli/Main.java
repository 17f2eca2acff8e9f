package stet.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.util.Map;
import stet.cli.output.Terminal;
import stet.cli.session.Session;
import stet.cli.session.Session.Surroundings;
import stet.engine.ErrorCode;

/** The program {@code stet}. The only place that ends the process. */
public final class Main {
  private Main() {}

  /** Runs the command line and ends the process with its status. */
  @SuppressWarnings("SystemExitOutsideMain") // the second signal ends the process at once
  public static void main(String[] arguments) {
    Map<String, String> variables = System.getenv();
    Surroundings surroundings =
        new Surroundings(
            variables,
            Path.of("").toAbsolutePath(),
            new FileInputStream(FileDescriptor.in),
            new FileOutputStream(FileDescriptor.out),
            new FileOutputStream(FileDescriptor.err),
            Terminal.ofProcess(variables));
    Session session =
        new Session(
            surroundings, () -> Runtime.getRuntime().halt(ErrorCode.INTERRUPTED.exitStatus()));
    session.signals().install();
    System.exit(new Program(session).run(Arguments.exact(arguments)));
  }
}
