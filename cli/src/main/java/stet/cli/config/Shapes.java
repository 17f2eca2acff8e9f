package stet.cli.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The shapes of single values. */
final class Shapes {
  private static final Pattern DURATION_PART = Pattern.compile("(?<count>\\d+)(?<unit>[A-Za-z]*)");
  private static final String DURATION_UNITS = "Use s, min, h or d, such as 90s, 15min, 24h or 7d.";

  private static final String NOT_HOME = "^(?!~(/|$))";
  private static final String SCHEMES = "s3|sftp|rest|b2|azure|gs|swift|rclone";

  static final Shape<String> TEXT =
      new Scalar<>("text", Scalar.Type.TEXT, (text, node, place) -> text(text));

  static final Shape<Boolean> BOOLEAN =
      new Scalar<>(
          "true or false",
          Scalar.Type.BOOLEAN,
          (text, node, place) ->
              switch (text.toLowerCase(Locale.ROOT)) {
                case "true" -> true;
                case "false" -> false;
                default ->
                    throw new Unusable("expected true or false but found \"" + text + "\"", null);
              });

  static final Shape<Long> INTEGER =
      new Scalar<>(
          "an integer",
          Scalar.Type.INTEGER,
          (text, node, place) -> {
            if (!text.matches("[-+]?\\d{1,18}")) {
              throw new Unusable("expected an integer but found \"" + text + "\"", null);
            }
            return Long.valueOf(text);
          });

  /** A number of things of which there must be one at least. */
  static final Shape<Long> COUNT =
      new Scalar<>(
          "a positive integer",
          Scalar.Type.COUNT,
          (text, node, place) -> {
            if (!text.matches("\\+?0*[1-9]\\d{0,8}")) {
              throw new Unusable("expected a positive integer but found \"" + text + "\"", null);
            }
            return Long.valueOf(text);
          });

  static final Shape<Duration> DURATION =
      new Scalar<>(
          "a duration such as 7d",
          "^([0-9]{1,9}(s|min|h|d))+$",
          (text, node, place) -> duration(text));

  /** A duration that something can be younger or shorter than. */
  static final Shape<Duration> POSITIVE_DURATION =
      new Scalar<>(
          "a duration such as 7d",
          "^(?=.*[1-9])([0-9]{1,9}(s|min|h|d))+$",
          (text, node, place) -> {
            Duration duration = duration(text);
            if (duration.isZero()) {
              throw new Unusable(
                  "\"" + text + "\" can never be met", "Give a longer one, or leave it out.");
            }
            return duration;
          });

  static final Shape<Path> PATH =
      new Scalar<>(
          "a path", NOT_HOME, (text, node, place) -> path(text, place.reading().directory(node)));

  /** A path of this machine that a component owns, so that no other may overlap it. */
  static final Shape<Path> OWN_PATH =
      new Scalar<>(
          "a path",
          NOT_HOME,
          (text, node, place) -> {
            Path path = path(text, place.reading().directory(node));
            place.reading().own(path, node, place);
            return path;
          });

  /** A repository's location as restic writes it; local ones become absolute. */
  static final Shape<String> LOCATION =
      new Scalar<>(
          "a repository location",
          NOT_HOME + "(?!(" + SCHEMES + "):)",
          (text, node, place) -> {
            Path path = location(text, place.reading().directory(node));
            place.reading().own(path, node, place);
            return path.toString();
          });

  private Shapes() {}

  /** A name of a {@code what}, safe as a path segment. */
  static Shape<String> name(String what) {
    return new Scalar<>(
        Names.article(what) + " name",
        Names.PATTERN,
        (text, node, place) -> Names.check(what, text));
  }

  /** A name of a {@code what}, unique among the sets and components of its environment. */
  static Shape<String> ownName(String what) {
    return new Scalar<>(
        Names.article(what) + " name",
        Names.PATTERN,
        (text, node, place) -> {
          Names.check(what, text);
          Position taken = place.reading().take(text, node, place);
          if (taken != null) {
            throw new Unusable(
                "the name \"" + text + "\" is taken already at " + taken,
                "Names of sets and components must be unique in their environment.");
          }
          return text;
        });
  }

  private static String text(String text) throws Unusable {
    if (text.isEmpty()) {
      throw new Unusable("must not be empty", null);
    }
    if (text.indexOf('\0') >= 0) {
      throw new Unusable("must not hold a NUL character", null);
    }
    return text;
  }

  /** One of these words. */
  static Shape<String> word(List<String> words) {
    return new Scalar<>(
        "one of " + String.join(", ", words),
        Scalar.Type.TEXT,
        null,
        words,
        (text, node, place) -> {
          if (!words.contains(text)) {
            String near = EditDistance.nearest(text, words);
            throw new Unusable(
                "unknown word \""
                    + text
                    + "\""
                    + (near == null ? "" : "; did you mean " + near + "?"),
                "Use one of " + String.join(", ", words) + ".");
          }
          return text;
        });
  }

  /** The text that {@link #DURATION} reads as this duration, in one unit. */
  static String text(Duration duration) {
    long seconds = duration.toSeconds();
    if (seconds % 86_400 == 0) {
      return seconds / 86_400 + "d";
    }
    if (seconds % 3600 == 0) {
      return seconds / 3600 + "h";
    }
    return seconds % 60 == 0 ? seconds / 60 + "min" : seconds + "s";
  }

  /** Parses a sequence of counts with units. */
  static Duration duration(String text) throws Unusable {
    Matcher part = DURATION_PART.matcher(text);
    Duration sum = Duration.ZERO;
    int end = 0;
    while (part.find() && part.start() == end) {
      end = part.end();
      if (part.group("count").length() > 9) {
        throw new Unusable("\"" + text + "\" is too long", DURATION_UNITS);
      }
      long count = Long.parseLong(part.group("count"));
      sum =
          switch (part.group("unit")) {
            case "s" -> sum.plusSeconds(count);
            case "min" -> sum.plusMinutes(count);
            case "h" -> sum.plusHours(count);
            case "d" -> sum.plusDays(count);
            case "m" ->
                throw new Unusable(
                    "\"" + text + "\" could mean minutes or months",
                    "Write "
                        + count
                        + "min for minutes, or days for months: one month is about"
                        + " 30d.");
            case "" -> throw new Unusable("\"" + text + "\" has no unit", DURATION_UNITS);
            default ->
                throw new Unusable(
                    "\"" + part.group("unit") + "\" in \"" + text + "\" is not a unit of time",
                    DURATION_UNITS);
          };
    }
    if (end == 0 || end != text.length()) {
      throw new Unusable("\"" + text + "\" is not a duration", DURATION_UNITS);
    }
    return sum;
  }

  /** An absolute path; relative ones begin at {@code directory}. */
  static Path path(String text, Path directory) throws Unusable {
    text(text);
    if (text.equals("~") || text.startsWith("~/")) {
      throw new Unusable(
          "~ does not stand for the home directory here",
          "Write ${HOME}" + text.substring(1) + ".");
    }
    try {
      return directory.resolve(text).normalize();
    } catch (InvalidPathException e) {
      throw new Unusable(
          "\"" + text + "\" cannot be used as a path: " + e.getReason(),
          "The locale must be able to hold its characters: set LC_ALL=C.UTF-8.");
    }
  }

  private static Path location(String text, Path directory) throws Unusable {
    text(text);
    Matcher scheme = Pattern.compile("(" + SCHEMES + "):.*", Pattern.DOTALL).matcher(text);
    if (scheme.matches()) {
      throw new Unusable(
          "repositories in " + scheme.group(1) + " are not supported by this version of stet",
          "Use a directory, such as /var/backups/shop.");
    }
    return path(text.startsWith("local:") ? text.substring(6) : text, directory);
  }
}
