package stet.cli.command;

import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Session;
import stet.engine.ErrorCode;
import stet.engine.Human;
import stet.engine.StetException;
import stet.repository.Repository;
import stet.repository.check.Checker;
import stet.repository.check.Checker.Severity;
import stet.repository.check.Checker.Subset;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;

/** {@code check}: finds out whether the repository is whole. */
@Command(
    name = "check",
    description = "Check that the repository is whole.",
    footer = {
      "",
      "JSON: {message_type: \"error\" or \"hint\", object, message} for each finding, then"
          + " {message_type: \"summary\", num_errors, snapshots, packs, packs_read, bytes_read}"
    })
public final class CheckCommand implements Callable<Integer> {
  private static final Pattern PERCENT = Pattern.compile("(\\d{1,3})%");
  private static final Pattern PART = Pattern.compile("(\\d{1,3})/(\\d{1,3})");

  private final Session session;

  @Option(names = "--read-data", description = "Read every byte of every pack.")
  private boolean readData;

  @Option(
      names = "--read-data-subset",
      paramLabel = "P%|N/T",
      description = "Read a random P percent of the packs, or the N-th of T parts.")
  private @Nullable String subset;

  @Mixin private ReadLock readLock = new ReadLock();

  public CheckCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    Subset read = subset();
    Output output = session.output();
    Checker.Result result;
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, true);
        ProgressBar progress = session.progress()) {
      Checker checker = new Checker(repository, progress::advance);
      progress.phase("checking");
      if (read != null) {
        progress.expect(checker.bytesToRead(read));
      }
      result = read == null ? checker.check() : checker.check(read);
      if (lock != null) {
        lock.check();
      }
    }
    long errors = result.findings().stream().filter(f -> f.severity() == Severity.ERROR).count();
    for (Checker.Finding finding : result.findings()) {
      String severity = finding.severity().name().toLowerCase(Locale.ROOT);
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("message_type", severity)
                .put("object", finding.object())
                .put("message", finding.message()));
      } else {
        output.print(severity + ": " + finding.object() + " " + finding.message());
      }
    }
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("message_type", "summary")
              .put("num_errors", errors)
              .put("snapshots", result.snapshots())
              .put("packs", result.packs())
              .put("packs_read", result.packsRead())
              .put("bytes_read", result.bytesRead()));
    }
    String checked =
        Human.count(result.snapshots(), "snapshot")
            + " and "
            + Human.count(result.packs(), "pack")
            + " checked, "
            + (result.packsRead() == 0
                ? "none read in full"
                : Human.count(result.packsRead(), "pack")
                    + " ("
                    + Human.size(result.bytesRead())
                    + ") read in full");
    if (errors > 0) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          "the repository has " + Human.count(errors, "error") + "; " + checked,
          "What is whole can be restored, and the next `stet backup` stores again what is damaged in the"
              + " repository but still there. Look after the disk.");
    }
    output.message("no errors were found; " + checked);
    return 0;
  }

  private @Nullable Subset subset() {
    if (subset == null) {
      return readData ? Subset.ALL : null;
    }
    Matcher percent = PERCENT.matcher(subset);
    if (percent.matches()) {
      int share = Integer.parseInt(percent.group(1));
      if (share >= 1 && share <= 100) {
        int parts = Math.max(1, Math.round(100f / share));
        return new Subset(ThreadLocalRandom.current().nextInt(1, parts + 1), parts);
      }
    }
    Matcher part = PART.matcher(subset);
    if (part.matches()) {
      int number = Integer.parseInt(part.group(1));
      int of = Integer.parseInt(part.group(2));
      if (of <= 256 && number >= 1 && number <= of) {
        return new Subset(number, of);
      }
    }
    throw new StetException(
        ErrorCode.USAGE,
        "--read-data-subset " + subset + " is neither a percentage from 1% to 100% nor a part",
        "Write it like 2/7, with at most 256 parts, or like 10%.");
  }
}
