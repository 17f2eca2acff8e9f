package stet.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class IdTest {
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  @Test
  void isTheSha256OfItsBytes() {
    assertThat(Id.of("abc".getBytes(StandardCharsets.US_ASCII))).hasToString(ABC);
  }

  @Test
  void textFormRoundTrips() {
    assertThat(Id.parse(ABC).toString()).isEqualTo(ABC);
    assertThat(Id.read(Id.parse(ABC).toBytes(), 0)).isEqualTo(Id.parse(ABC));
  }

  @Test
  void ordersAsUnsignedBytes() {
    Id low = Id.parse("7f" + ABC.substring(2));
    Id high = Id.parse("80" + ABC.substring(2));
    assertThat(low).isLessThan(high);
  }

  @Test
  void refusesOtherText() {
    assertThatThrownBy(() -> Id.parse(ABC.toUpperCase(java.util.Locale.ROOT)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(Id.isId(ABC.substring(1))).isFalse();
  }
}
