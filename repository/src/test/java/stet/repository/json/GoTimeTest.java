package stet.repository.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Seeded;

class GoTimeTest {
  @ParameterizedTest
  @CsvSource({
    "2024-01-02T03:04:00Z, 2024-01-02T03:04:00Z",
    "2024-01-02T03:04:05.5Z, 2024-01-02T03:04:05.500Z",
    "2024-01-02T03:04:05.000000001Z, 2024-01-02T03:04:05.000000001Z",
    "2024-01-02T03:04:05.12345Z, 2024-01-02T03:04:05.123450Z",
    "2024-01-02T03:04:05Z, 2024-01-02T03:04:05+00:00",
    "2024-01-02T03:04:05+01:00, 2024-01-02T03:04:05+01:00",
    "2024-01-02T03:04:05-09:30, 2024-01-02T03:04:05-09:30",
    "0000-01-01T00:00:00Z, 0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z, 0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z, 9999-12-31T23:59:59.999999999Z",
    "1969-12-31T23:59:59.1Z, 1969-12-31T23:59:59.1Z",
    "2024-02-29T12:00:00Z, 2024-02-29T12:00:00Z",
    // Go writes whole minutes of an offset; the moment stays the same.
    "1890-01-01T00:09:21+00:09, 1890-01-01T00:09:42+00:09:21"
  })
  void writesAsGo(String expected, String time) {
    assertThat(GoTime.format(OffsetDateTime.parse(time))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "9999-11-20T01:02:03Z, +12000-11-20T01:02:03Z",
    "9999-03-01T01:02:03Z, +12000-02-29T01:02:03Z",
    "0000-11-20T01:02:03Z, -0001-11-20T01:02:03Z",
    "0000-02-29T01:02:03Z, -0004-02-29T01:02:03Z",
    "9999-12-31T23:59:59.999999999Z, +1000000000-12-31T23:59:59.999999999Z",
    "0000-01-01T00:00:00Z, -1000000000-01-01T00:00:00Z"
  })
  void movesYearsThatDoNotFit(String expected, Instant time) {
    assertThat(GoTime.format(time)).isEqualTo(expected);
  }

  @Test
  void agreesWithJavaTime() {
    var formatter =
        new DateTimeFormatterBuilder()
            .appendPattern("uuuu-MM-dd'T'HH:mm:ss")
            .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true)
            .appendOffset("+HH:MM", "Z")
            .toFormatter();
    Seeded.run(random -> {
      long first = Instant.parse("0000-01-02T00:00:00Z").getEpochSecond();
      long last = Instant.parse("9999-12-30T00:00:00Z").getEpochSecond();
      for (int i = 0; i < 100_000; i++) {
        int nano = random.nextInt(1_000_000_000);
        int unit = (int) Math.pow(10, random.nextInt(10));
        OffsetDateTime time =
            Instant.ofEpochSecond(random.nextLong(first, last), nano / unit * (long) unit)
                .atOffset(
                    random.nextBoolean()
                        ? ZoneOffset.UTC
                        : ZoneOffset.ofTotalSeconds(60 * (random.nextInt(1440) - 720)));
        String text = GoTime.format(time);
        assertThat(text).isEqualTo(time.format(formatter));
        assertThat(GoTime.parse(text)).isEqualTo(time);
        assertThat(GoTime.parse(text).getOffset()).isEqualTo(time.getOffset());
      }
    });
  }

  @Test
  void readsMoreThanNineDigits() {
    assertThat(GoTime.parse("2024-01-02T03:04:05.1234567899Z").getNano()).isEqualTo(123_456_789);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Z",
        "2024-01-02",
        "2024-01-02T03:04Z",
        "2024-01-02T03:04:05",
        "2024-01-02T03:04:05.Z",
        "2024-01-02T03:04:05,5Z",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:05z",
        "2024-01-02T03:04:05Z ",
        "2024-01-02T03:04:05+0100",
        "2024-01-02T03:04:05+01:60",
        "2024-01-02T03:04:05+19:00",
        "2024-01-02T03:04:05+",
        "2024-01-02T03:04:60Z",
        "2024-01-02T24:00:00Z",
        "2024-13-02T03:04:05Z",
        "2024-00-02T03:04:05Z",
        "2023-02-29T03:04:05Z",
        "2024-01-00T03:04:05Z",
        "12000-01-02T03:04:05Z",
        "+2024-01-02T03:04:05Z",
        "2024-01-02T03:04:0\u0665Z"
      })
  void refusesOtherText(String text) {
    assertThatThrownBy(() -> GoTime.parse(text))
        .isInstanceOf(JsonException.class)
        .hasMessageStartingWith("not a time of the form");
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] text = GoTime.format(OffsetDateTime.now(ZoneOffset.ofHours(1))).getBytes("UTF-8");
      for (int i = 0; i < 20_000; i++) {
        try {
          GoTime.parse(new String(Seeded.mutate(random, text), "ISO-8859-1"));
        } catch (JsonException e) {
          assertThat(e).hasMessageStartingWith("not a time");
        }
      }
    });
  }
}
