package stet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HumanTest {
  @ParameterizedTest
  @CsvSource({
    "0,0 B",
    "1023,1023 B",
    "1024,1.0 KiB",
    "1048575,1.0 MiB",
    "1048524,1023.9 KiB",
    "12897484,12.3 MiB",
    "9223372036854775807,8.0 EiB"
  })
  void writesSizes(long bytes, String text) {
    assertThat(Human.size(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0,0 packs", "1,1 pack", "2,2 packs"})
  void writesNumbers(long number, String text) {
    assertThat(Human.count(number, "pack")).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "0,0.0 s",
    "1449,1.4 s",
    "59949,59.9 s",
    "59950,1:00 min",
    "187000,3:07 min",
    "7500000,2:05 h",
    "172800000,2 d"
  })
  void writesDurations(long millis, String text) {
    assertThat(Human.duration(Duration.ofMillis(millis))).isEqualTo(text);
  }

  @Test
  void writesAges() {
    Instant now = Instant.parse("2026-11-20T12:00:00Z");

    assertThat(Human.age(now, now)).isEqualTo("just now");
    assertThat(Human.age(now.minusSeconds(59), now)).isEqualTo("59 s ago");
    assertThat(Human.age(now.minusSeconds(3599), now)).isEqualTo("59 min ago");
    assertThat(Human.age(now.minusSeconds(47 * 3600), now)).isEqualTo("47 h ago");
    assertThat(Human.age(now.minusSeconds(48 * 3600), now)).isEqualTo("2 d ago");
    assertThat(Human.age(now.plusSeconds(60), now)).isEqualTo("in 1 min");
  }
}
