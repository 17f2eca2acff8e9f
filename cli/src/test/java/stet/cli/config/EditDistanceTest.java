package stet.cli.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EditDistanceTest {
  @ParameterizedTest
  @CsvSource({"kitten,sitting,3", "ab,ba,1", "'',abc,3", "same,same,0", "dayly,daily,1"})
  void countsChanges(String a, String b, int distance) {
    assertThat(EditDistance.between(a, b)).isEqualTo(distance);
    assertThat(EditDistance.between(b, a)).isEqualTo(distance);
  }

  @Test
  void findsTheNearest() {
    List<String> words = List.of("keep_daily", "keep_weekly", "path");

    assertThat(EditDistance.nearest("keep_dayly", words)).isEqualTo("keep_daily");
    assertThat(EditDistance.nearest("PATH", words)).isEqualTo("path");
    assertThat(EditDistance.nearest("url", words)).isNull();
    assertThat(EditDistance.nearest("x".repeat(1_000_000), words)).isNull();
  }
}
