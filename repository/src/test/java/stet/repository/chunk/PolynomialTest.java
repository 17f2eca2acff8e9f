package stet.repository.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Seeded;

class PolynomialTest {
  @ParameterizedTest
  @ValueSource(strings = {"3da3358b4dc173", "2d5f9dbaed39ad", "2676514753f7a1"})
  void knowsResticsPolynomials(String text) {
    Polynomial polynomial = Polynomial.parse(text);
    assertThat(polynomial.degree()).isEqualTo(53);
    assertThat(polynomial.isIrreducible()).isTrue();
    assertThat(polynomial).hasToString(text);
  }

  /** Counts by the formula of Gauss: so many irreducible polynomials of degree 1, 2, 3, … exist. */
  @Test
  void findsAsManyAsThereAre() {
    List<Integer> counts = List.of(2, 1, 2, 3, 6, 9, 18, 30, 56, 99, 186, 335, 630, 1161);
    for (int degree = 1; degree <= counts.size(); degree++) {
      int found = 0;
      for (long bits = 1L << degree; bits < 2L << degree; bits++) {
        if (new Polynomial(bits).isIrreducible()) {
          found++;
        }
      }
      assertThat(found).as("degree %d", degree).isEqualTo(counts.get(degree - 1));
    }
    assertThat(new Polynomial(0).isIrreducible()).isFalse();
    assertThat(new Polynomial(1).isIrreducible()).isFalse();
  }

  @Test
  void refusesProducts() {
    Seeded.run(random -> {
      for (int i = 0; i < 200; i++) {
        int degree = 1 + random.nextInt(52);
        long a = 1L << degree | random.nextLong() & ((1L << degree) - 1);
        long b = 1L << (53 - degree) | random.nextLong() & ((1L << (53 - degree)) - 1);
        long product = 0;
        for (int bit = 0; bit < 63; bit++) {
          product ^= (b >>> bit & 1) != 0 ? a << bit : 0;
        }
        assertThat(new Polynomial(product).isIrreducible()).as("%x * %x", a, b).isFalse();
      }
    });
  }

  @Test
  void makesIrreduciblePolynomialsOfDegree53() {
    Seeded.run(random -> {
      Polynomial first = Polynomial.random(random);
      Polynomial second = Polynomial.random(random);
      assertThat(first).isNotEqualTo(second);
      for (Polynomial polynomial : List.of(first, second)) {
        assertThat(polynomial.degree()).isEqualTo(53);
        assertThat(polynomial.isIrreducible()).isTrue();
        assertThat(Polynomial.parse(polynomial.toString())).isEqualTo(polynomial);
      }
    });
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "+1", "0x3", "g", "12345678123456781", "\u0661"})
  void refusesOtherText(String text) {
    assertThatThrownBy(() -> Polynomial.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }
}
