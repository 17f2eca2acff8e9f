package stet.cli.command;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import stet.cli.config.Kinds;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Session;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.ComponentKind;
import stet.engine.component.ExportFormat;
import stet.engine.restore.Export;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.Repository;
import stet.repository.backend.Reason;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;

/** {@code export}: writes a stored component as other programs read it. */
@Command(
    name = "export",
    description = {
      "Write a stored database as pg_dump does, or one table as CSV.",
      "pg_restore and psql load what is written. No server is needed, and nothing live is touched."
    },
    footer = {"", "JSON: {message_type: \"summary\", snapshot_id, component, format, output}"})
public final class ExportCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private SnapshotChoice snapshot = new SnapshotChoice();

  @Mixin private ReadLock readLock = new ReadLock();

  @Parameters(
      index = "1",
      paramLabel = "COMPONENT",
      description = "The component, as `stet ls` shows it at the top.")
  private String component = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description =
          "The new file or directory, or - for standard output. A name that ends in .gz is"
              + " compressed where the format is sql or csv.")
  private String output = "";

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description =
          "custom (pg_dump -Fc), directory (pg_dump -Fd), sql or csv; default: csv with --table,"
              + " sql for names that end in .sql or .sql.gz, directory for those that end in /, else"
              + " custom.")
  private @Nullable String format;

  @Option(names = "--table", paramLabel = "TABLE", description = "Write this table alone, as CSV.")
  private @Nullable String table;

  public ExportCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    ExportFormat wanted = format();
    if (table != null && wanted != ExportFormat.CSV) {
      throw new StetException(
          ErrorCode.USAGE,
          "--table and --format "
              + wanted.text()
              + " exclude each other: a table is written as csv",
          "Leave out one of them.");
    }
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, false)) {
      Snapshot chosen = snapshot.resolve(session, repository);
      repository.loadIndex();
      SnapshotFiles files = new SnapshotFiles(repository.reader(), chosen);
      Manifest.Entry entry = entry(files.manifest(), chosen);
      Node node = Objects.requireNonNull(files.find(entry.name()));
      try (ProgressBar progress = session.progress()) {
        Export export =
            new Export(kind(entry), repository.reader(), node, session.operation(progress));
        if (output.equals("-")) {
          export.to(new StandardOutput(session.output()), wanted, table);
        } else {
          boolean compressed = output.endsWith(".gz");
          export.to(session.workingDirectory().resolve(output), wanted, table, compressed);
        }
      } catch (IOException e) {
        throw new StetException(
            ErrorCode.FAILED, "cannot write " + output + ": " + Reason.of(e), hint(e), e);
      }
      if (!output.equals("-")) {
        report(chosen, entry, wanted);
      }
    }
    return 0;
  }

  private static @Nullable String hint(IOException e) {
    return Reason.isNoSpace(e)
        ? "Free space there, or write to another file system; nothing is left of what was begun."
        : null;
  }

  private ExportFormat format() {
    if (format != null) {
      for (ExportFormat each : ExportFormat.values()) {
        if (each.text().equals(format)) {
          return each;
        }
      }
      throw new StetException(
          ErrorCode.USAGE,
          "--format " + format + " is unknown",
          "It is one of "
              + Arrays.stream(ExportFormat.values())
                  .map(ExportFormat::text)
                  .collect(Collectors.joining(", "))
              + ".");
    }
    if (table != null) {
      return ExportFormat.CSV;
    }
    if (output.endsWith(".sql") || output.endsWith(".sql.gz")) {
      return ExportFormat.SQL;
    }
    return output.endsWith("/") ? ExportFormat.DIRECTORY : ExportFormat.CUSTOM;
  }

  private Manifest.Entry entry(Manifest manifest, Snapshot chosen) {
    Manifest.Entry entry = manifest.component(component);
    if (entry == null) {
      List<String> names = manifest.components().stream().map(Manifest.Entry::name).toList();
      throw new StetException(
          ErrorCode.NOT_FOUND,
          "snapshot " + chosen.requireId().shortText() + " has no component \"" + component + "\"",
          "It has: " + String.join(", ", names) + ".");
    }
    return entry;
  }

  private static ComponentKind kind(Manifest.Entry entry) {
    ComponentKind kind = Kinds.onClassPath().get(entry.kind());
    if (kind == null) {
      throw new StetException(
          ErrorCode.FAILED,
          "component "
              + entry.name()
              + " is of kind "
              + entry.kind()
              + ", which stet does not know",
          "Put the jar of that kind where it was when the snapshot was made.");
    }
    return kind;
  }

  private void report(Snapshot chosen, Manifest.Entry entry, ExportFormat wanted) {
    Output to = session.output();
    if (to.json()) {
      to.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("snapshot_id", chosen.requireId().toString())
              .put("component", entry.name())
              .put("format", wanted.text())
              .put("output", output));
    } else {
      to.message(
          (table == null ? entry.name() : "table " + table + " of " + entry.name())
              + " of snapshot "
              + chosen.requireId().shortText()
              + " is in "
              + output);
    }
  }

  /** Standard output as a stream. */
  private static final class StandardOutput extends OutputStream {
    private final Output output;

    StandardOutput(Output output) {
      this.output = output;
    }

    @Override
    public void write(int b) {
      output.data(new byte[] {(byte) b});
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      output.data(bytes, offset, length);
    }
  }
}
