package stet.cli.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks that no two things of one environment lie in the same place: a directory captured twice
 * would be restored twice, and a repository inside it would capture itself.
 */
final class OwnPaths {
  private record Real(Reading.OwnPath own, Path path) {}

  private OwnPaths() {}

  /** Reports overlaps among what {@code environment} owns and what all environments share. */
  static void check(Reading reading, String environment) {
    List<Real> earlier = new ArrayList<>();
    for (Reading.OwnPath own : reading.paths()) {
      String owner = own.place().environment();
      if (owner != null && !owner.equals(environment)) {
        continue;
      }
      if (owner != null && Files.isSymbolicLink(own.path())) {
        Path target = real(own.path());
        report(
            own,
            environment,
            own.path() + " is a symbolic link",
            "Give the path it leads to" + (target == null ? "." : ": " + target + "."));
        continue;
      }
      Path path = real(own.path());
      Real real = new Real(own, path == null ? own.path() : path);
      for (Real other : earlier) {
        if (real.path().startsWith(other.path()) || other.path().startsWith(real.path())) {
          report(
              own,
              environment,
              own.path()
                  + " overlaps with "
                  + other.own().path()
                  + " of "
                  + other.own().place().origin(other.own().node()),
              "Give each its own directory, none inside another.");
          break;
        }
      }
      earlier.add(real);
    }
  }

  private static void report(Reading.OwnPath own, String environment, String message, String hint) {
    own.place().misplacedHere(own.node(), environment, message, hint);
  }

  /** The path without symbolic links as far as it exists, or null if that cannot be told. */
  private static @Nullable Path real(Path path) {
    for (Path existing = path; existing != null; existing = existing.getParent()) {
      if (Files.exists(existing, LinkOption.NOFOLLOW_LINKS)) {
        try {
          return existing.toRealPath().resolve(existing.relativize(path)).normalize();
        } catch (IOException e) {
          return null;
        }
      }
    }
    return null;
  }
}
