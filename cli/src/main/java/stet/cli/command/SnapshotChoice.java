package stet.cli.command;

import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import stet.cli.session.Session;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.snapshot.SnapshotCatalog;
import stet.repository.Repository;
import stet.repository.RepositoryException;
import stet.repository.snapshot.Snapshot;

/** The arguments that choose a snapshot, shared by all verbs that take one. */
final class SnapshotChoice {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "SNAP",
      description =
          "latest, latest@ENVIRONMENT, or the beginning of an id; default: latest, which is no"
              + " snapshot of what a restore replaced.")
  private @Nullable String given;

  @Option(
      names = "--at",
      paramLabel = "TIME",
      description =
          "With latest: the newest at or before this time, such as 2026-11-20, 2026-11-20T14:30 or"
              + " 2026-11-20T14:30:00Z.")
  private @Nullable String at;

  SnapshotChoice() {}

  /** A choice made by another verb. */
  SnapshotChoice(String name) {
    this.given = name;
  }

  /** Whether anything was said of a snapshot. */
  boolean isGiven() {
    return given != null || at != null;
  }

  /** The snapshot that is meant. */
  Snapshot resolve(Session session, Repository repository) {
    String app = session.configuration().app();
    String name = given == null ? "latest" : given;
    boolean named = !name.equals("latest");
    String environment = named ? "" : session.environment().name();
    List<RepositoryException> damaged = new ArrayList<>();
    SnapshotCatalog catalog = new SnapshotCatalog(app, repository.snapshots(damaged::add));
    boolean latest = name.equals("latest") || name.startsWith("latest@");
    if (latest && !damaged.isEmpty()) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          damaged.getFirst().getMessage() + ", so which snapshot is the latest is not known",
          "Name one by its id; `stet snapshots` lists those that can be read.");
    }
    Snapshot snapshot = catalog.resolve(name, environment, at == null ? null : time(at));
    if (latest
        && snapshot.time().toInstant().isAfter(Instant.now().plus(SnapshotCatalog.CLOCKS_DIFFER))) {
      session
          .output()
          .warn(
              "the latest snapshot "
                  + snapshot.requireId().shortText()
                  + " is of the future: "
                  + snapshot.time().truncatedTo(ChronoUnit.SECONDS),
              "A clock was or is wrong; --at or an id chooses another.");
    }
    if (latest) {
      tellPassedOver(session, catalog, snapshot);
    }
    return snapshot;
  }

  private void tellPassedOver(Session session, SnapshotCatalog catalog, Snapshot chosen) {
    String environment = Objects.requireNonNull(SnapshotCatalog.environment(chosen));
    for (Snapshot each : catalog.of(environment).reversed()) {
      if (each.equals(chosen) || at != null) {
        return;
      }
      session
          .output()
          .message(
              "the latest backup is "
                  + chosen.requireId().shortText()
                  + "; snapshot "
                  + each.requireId().shortText()
                  + " is newer, but was made of what a restore replaced");
    }
  }

  /** A time as people write it; without an offset it is local, a day means its end. */
  static OffsetDateTime time(String text) {
    ZoneId zone = ZoneId.systemDefault();
    String iso = text.trim().replace(' ', 'T');
    try {
      if (iso.length() == 10) {
        return LocalDate.parse(iso).plusDays(1).atStartOfDay(zone).minusNanos(1).toOffsetDateTime();
      }
      if (iso.endsWith("Z")) {
        return Instant.parse(iso).atZone(zone).toOffsetDateTime();
      }
      if (iso.lastIndexOf('+') > 10 || iso.lastIndexOf('-') > 10) {
        return OffsetDateTime.parse(iso);
      }
      return LocalDateTime.parse(iso).atZone(zone).toOffsetDateTime();
    } catch (DateTimeParseException e) {
      throw new StetException(
          ErrorCode.USAGE,
          "--at \"" + text + "\" is not a time",
          "Write it like 2026-11-20, 2026-11-20T14:30 or 2026-11-20T14:30:00Z.",
          e);
    }
  }
}
