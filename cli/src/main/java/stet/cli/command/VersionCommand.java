package stet.cli.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import stet.cli.output.Output;
import stet.cli.session.Build;
import stet.cli.session.Session;
import stet.repository.json.JsonObject;

/** {@code version}: what this program is and what it runs on. */
@Command(
    name = "version",
    description = "Show the version, and what it runs on.",
    footer = {"", "JSON: {version, built, java: {version, vendor}, os: {name, version, arch}}"})
public final class VersionCommand implements Callable<Integer> {
  private final Session session;

  public VersionCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Output output = session.output();
    Build build = Build.current();
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("version", build.version())
              .put("built", build.timestamp())
              .put(
                  "java",
                  new JsonObject()
                      .put("version", Runtime.version().toString())
                      .put("vendor", System.getProperty("java.vendor")))
              .put(
                  "os",
                  new JsonObject()
                      .put("name", System.getProperty("os.name"))
                      .put("version", System.getProperty("os.version"))
                      .put("arch", System.getProperty("os.arch"))));
    } else {
      output.print("stet " + build.version() + " of " + build.timestamp());
      output.print(
          "Java "
              + Runtime.version()
              + " ("
              + System.getProperty("java.vendor")
              + "), "
              + System.getProperty("os.name")
              + " "
              + System.getProperty("os.version")
              + " "
              + System.getProperty("os.arch"));
    }
    return 0;
  }
}
