package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LogPositionTest {
  @Test
  void comparesAsTheServerDoes() {
    assertThat(LogPosition.parse("0/0")).isZero();
    assertThat(LogPosition.parse("16/B374D848")).isEqualTo(0x16_B374_D848L);
    assertThat(LogPosition.parse("1/0")).isGreaterThan(LogPosition.parse("0/FFFFFFFF"));
  }

  @Test
  void isNotSomethingElse() {
    assertThatThrownBy(() -> LogPosition.parse("16B374D848"))
        .isInstanceOf(NumberFormatException.class)
        .hasMessageContaining("16B374D848");
  }
}
