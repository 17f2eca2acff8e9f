package stet.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** Sizes and times as people read them. */
public final class Human {
  private static final String[] UNITS = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private Human() {}

  /** A number of things, such as {@code 1 pack}, {@code 2 packs}. */
  public static String count(long number, String thing) {
    return number + " " + thing + (number == 1 ? "" : "s");
  }

  /** A number of bytes, such as {@code 12.3 MiB}. */
  public static String size(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = -1;
    // A value that rounding would show as 1024.0 belongs to the next unit.
    while (value >= 1023.95 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, UNITS[Math.max(unit, 0)]);
  }

  /** How long something takes, such as {@code 1.4 s}, {@code 3:07 min}, {@code 2:05 h}. */
  public static String duration(Duration duration) {
    long seconds = Math.round(duration.toMillis() / 1000.0);
    if (duration.toMillis() < 59_950) {
      return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
    }
    if (seconds < 3600) {
      return String.format(Locale.ROOT, "%d:%02d min", seconds / 60, seconds % 60);
    }
    if (seconds < 48 * 3600) {
      return String.format(Locale.ROOT, "%d:%02d h", seconds / 3600, seconds / 60 % 60);
    }
    return seconds / 86_400 + " d";
  }

  /** How long ago something was, such as {@code 5 min ago}. */
  public static String age(Instant then, Instant now) {
    Duration age = Duration.between(then, now);
    if (age.isNegative()) {
      return "in " + span(age.negated());
    }
    return age.toSeconds() < 1 ? "just now" : span(age) + " ago";
  }

  private static String span(Duration span) {
    if (span.toMinutes() < 1) {
      return span.toSeconds() + " s";
    }
    if (span.toHours() < 1) {
      return span.toMinutes() + " min";
    }
    return span.toHours() < 48 ? span.toHours() + " h" : span.toDays() + " d";
  }
}
