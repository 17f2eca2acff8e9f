package stet.repository.json;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/**
 * Times as Go writes them in JSON (RFC 3339): seconds always present, a fraction without trailing
 * zeros, {@code Z} for UTC. Java's own text form leaves out zero seconds, which restic cannot read,
 * and pads fractions, which restic would not write.
 */
public final class GoTime {
  /** The bytes of the longest text. */
  public static final int MAX_LENGTH = "2006-01-02T15:04:05.999999999-07:00".length();

  private static final int DAY = 24 * 60 * 60;
  private static final int DATE_LENGTH = "2006-01-02T15:04:05".length();

  private GoTime() {}

  /** A time in UTC. Years outside 0 to 9999 are moved to the nearer end, as restic does. */
  public static String format(Instant time) {
    return format(time.getEpochSecond(), time.getNano(), 0);
  }

  /** A time with its offset from UTC, of which only whole minutes can be written. */
  public static String format(OffsetDateTime time) {
    return format(time.toEpochSecond(), time.getNano(), time.getOffset().getTotalSeconds());
  }

  private static String format(long epochSecond, int nano, int offsetSeconds) {
    byte[] text = new byte[MAX_LENGTH];
    int length = write(text, 0, epochSecond, nano, offsetSeconds);
    return new String(text, 0, length, StandardCharsets.ISO_8859_1);
  }

  /**
   * Writes at most {@link #MAX_LENGTH} bytes.
   *
   * @return the position after the last byte written
   */
  public static int write(
      byte[] target, int position, long epochSecond, int nano, int offsetSeconds) {
    int offsetMinutes = offsetSeconds / 60;
    long local = epochSecond + offsetMinutes * 60L;
    long day = Math.floorDiv(local, (long) DAY);
    int second = (int) Math.floorMod(local, (long) DAY);

    // Days to date by the count of 400-year cycles that begin in March of year 0.
    long shifted = day + 719_468;
    long cycle = Math.floorDiv(shifted, 146_097L);
    int dayOfCycle = (int) (shifted - cycle * 146_097);
    int yearOfCycle =
        (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365;
    int dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100);
    int marchMonth = (5 * dayOfYear + 2) / 153;
    int dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1;
    int month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
    long year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0);
    if (year < 0) {
      year = 0;
    } else if (year > 9999) {
      year = 9999;
      if (month == 2 && dayOfMonth == 29) {
        month = 3;
        dayOfMonth = 1;
      }
    }

    int at = two(target, position, (int) year / 100);
    at = two(target, at, (int) year % 100);
    target[at++] = '-';
    at = two(target, at, month);
    target[at++] = '-';
    at = two(target, at, dayOfMonth);
    target[at++] = 'T';
    at = two(target, at, second / 3600);
    target[at++] = ':';
    at = two(target, at, second / 60 % 60);
    target[at++] = ':';
    at = two(target, at, second % 60);
    if (nano != 0) {
      target[at++] = '.';
      int rest = nano;
      for (int unit = 100_000_000; rest != 0; unit /= 10) {
        target[at++] = (byte) ('0' + rest / unit);
        rest %= unit;
      }
    }
    if (offsetMinutes == 0) {
      target[at++] = 'Z';
    } else {
      int minutes = Math.abs(offsetMinutes);
      target[at++] = (byte) (offsetMinutes < 0 ? '-' : '+');
      at = two(target, at, minutes / 60);
      target[at++] = ':';
      at = two(target, at, minutes % 60);
    }
    return at;
  }

  private static int two(byte[] target, int at, int value) {
    target[at] = (byte) ('0' + value / 10);
    target[at + 1] = (byte) ('0' + value % 10);
    return at + 2;
  }

  /**
   * Reads a time with its offset.
   *
   * @throws JsonException if the text is not RFC 3339 as Go reads it
   */
  public static OffsetDateTime parse(String text) {
    char[] chars = text.toCharArray();
    Instant instant = instant(chars, 0, chars.length);
    try {
      int offset = offsetSeconds(chars, 0, chars.length);
      return instant.atOffset(ZoneOffset.ofTotalSeconds(offset));
    } catch (DateTimeException e) {
      throw notATime(chars, 0, chars.length);
    }
  }

  /** Reads the moment a time denotes. */
  public static Instant instant(char[] text, int offset, int length) {
    if (length <= DATE_LENGTH
        || text[offset + 4] != '-'
        || text[offset + 7] != '-'
        || text[offset + 10] != 'T'
        || text[offset + 13] != ':'
        || text[offset + 16] != ':') {
      throw notATime(text, offset, length);
    }
    int year =
        100 * number(text, offset, offset, length) + number(text, offset + 2, offset, length);
    int month = number(text, offset + 5, offset, length);
    int day = number(text, offset + 8, offset, length);
    int hour = number(text, offset + 11, offset, length);
    int minute = number(text, offset + 14, offset, length);
    int second = number(text, offset + 17, offset, length);
    int end = offset + length;
    int at = offset + DATE_LENGTH;
    int nano = 0;
    if (text[at] == '.') {
      int first = ++at;
      int unit = 100_000_000;
      while (at < end && text[at] >= '0' && text[at] <= '9') {
        nano += (text[at++] - '0') * unit;
        unit /= 10;
      }
      if (at == first) {
        throw notATime(text, offset, length);
      }
    }
    boolean utc = at == end - 1 && text[at] == 'Z';
    boolean zone = at == end - 6 && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':';
    if (month < 1
        || month > 12
        || day < 1
        || (day > 28 && day > LocalDate.of(year, month, 1).lengthOfMonth())
        || hour > 23
        || minute > 59
        || second > 59
        || !(utc || zone)) {
      throw notATime(text, offset, length);
    }
    long epochDay = epochDay(year, month, day);
    long local = epochDay * DAY + hour * 3600L + minute * 60L + second;
    return Instant.ofEpochSecond(local - offsetSeconds(text, offset, length), nano);
  }

  /** Reads the offset from UTC of a time that {@link #instant} has accepted. */
  public static int offsetSeconds(char[] text, int offset, int length) {
    int end = offset + length;
    if (text[end - 1] == 'Z') {
      return 0;
    }
    int hours = number(text, end - 5, offset, length);
    int minutes = number(text, end - 2, offset, length);
    if (hours > 24 || minutes > 59) {
      throw notATime(text, offset, length);
    }
    int seconds = (hours * 60 + minutes) * 60;
    return text[end - 6] == '-' ? -seconds : seconds;
  }

  private static long epochDay(int year, int month, int day) {
    int y = month <= 2 ? year - 1 : year;
    int cycle = Math.floorDiv(y, 400);
    int yearOfCycle = y - cycle * 400;
    int dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return cycle * 146_097L
        + yearOfCycle * 365L
        + yearOfCycle / 4
        - yearOfCycle / 100
        + dayOfYear
        - 719_468;
  }

  private static int number(char[] text, int at, int offset, int length) {
    int tens = text[at] - '0';
    int ones = text[at + 1] - '0';
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) {
      throw notATime(text, offset, length);
    }
    return 10 * tens + ones;
  }

  private static JsonException notATime(char[] text, int offset, int length) {
    String shown = new String(text, offset, Math.min(length, 40));
    return new JsonException("not a time of the form 2006-01-02T15:04:05Z: " + shown, null);
  }
}
