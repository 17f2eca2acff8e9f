package stet.repository.crypto;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Objects;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import stet.repository.Pool;
import stet.repository.RepositoryException;

/**
 * The key that everything in a repository is encrypted and authenticated with: AES-256 in counter
 * mode, then Poly1305-AES over the ciphertext.
 *
 * <p>A sealed byte string is a random initialisation vector, the ciphertext and a tag. The tag says
 * that the bytes were sealed with this key and not changed since; it does not say which object they
 * belong to, so callers must check the object's id as well.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class MasterKey {
  /** Bytes that sealing adds: 16 of initialisation vector, 16 of tag. */
  public static final int OVERHEAD = 32;

  private static final int IV_LENGTH = 16;
  private static final int ENCRYPT_LENGTH = 32;

  /**
   * The JIT compiler replaces the cipher's loop as a whole once it is hot; in small slices that
   * happens within the first megabyte, in large ones after dozens.
   */
  private static final int SLICE = 16 * 1024;

  private static final SecureRandom RANDOM = new SecureRandom();

  private final byte[] encrypt;
  private final byte[] k;
  private final byte[] r;
  private final Poly1305 poly1305;
  private final Pool<Ciphers> ciphers;

  /** What one thread at a time needs to seal or open, with the key schedules made. */
  private static final class Ciphers {
    final SecretKeySpec encryptKey;
    final Cipher counter;
    final Cipher block;
    final byte[] iv = new byte[IV_LENGTH];
    final byte[] oneTime = new byte[Poly1305.LENGTH];
    final byte[] tag = new byte[Poly1305.LENGTH];

    Ciphers(byte[] encrypt, byte[] k) {
      try {
        encryptKey = new SecretKeySpec(encrypt, "AES");
        counter = Cipher.getInstance("AES/CTR/NoPadding");
        block = Cipher.getInstance("AES/ECB/NoPadding");
        block.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(k, "AES"));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every Java platform has AES", e);
      }
    }

    /** Encrypts or decrypts, which is the same in counter mode. */
    void apply(byte[] source, int offset, int length, byte[] target, int targetOffset)
        throws GeneralSecurityException {
      counter.init(Cipher.ENCRYPT_MODE, encryptKey, new IvParameterSpec(iv));
      for (int done = 0; done < length; done += SLICE) {
        int slice = Math.min(SLICE, length - done);
        counter.update(source, offset + done, slice, target, targetOffset + done);
      }
    }

    void oneTimeOf() throws ShortBufferException {
      block.update(iv, 0, IV_LENGTH, oneTime, 0);
    }
  }

  /**
   * A key from its parts as key files hold them.
   *
   * @param encrypt 32 bytes, the AES-256 key
   * @param k 16 bytes, the AES-128 key of Poly1305-AES
   * @param r 16 bytes of Poly1305-AES, clamped or not; kept as they are
   */
  public MasterKey(byte[] encrypt, byte[] k, byte[] r) {
    if (encrypt.length != ENCRYPT_LENGTH
        || k.length != Poly1305.LENGTH
        || r.length != Poly1305.LENGTH) {
      throw new IllegalArgumentException(
          "a master key has parts of 32, 16 and 16 bytes, not %d, %d and %d"
              .formatted(encrypt.length, k.length, r.length));
    }
    this.encrypt = encrypt.clone();
    this.k = k.clone();
    this.r = r.clone();
    this.poly1305 = new Poly1305(r);
    this.ciphers = new Pool<>(() -> new Ciphers(this.encrypt, this.k));
  }

  /** A new key from the system's random numbers. */
  public static MasterKey random() {
    byte[] encrypt = new byte[ENCRYPT_LENGTH];
    byte[] k = new byte[Poly1305.LENGTH];
    byte[] r = new byte[Poly1305.LENGTH];
    RANDOM.nextBytes(encrypt);
    RANDOM.nextBytes(k);
    RANDOM.nextBytes(r);
    return new MasterKey(encrypt, k, r);
  }

  byte[] encrypt() {
    return encrypt.clone();
  }

  byte[] k() {
    return k.clone();
  }

  byte[] r() {
    return r.clone();
  }

  /**
   * Seals {@code length} bytes of {@code source} into {@code target}, which must have room for
   * {@link #OVERHEAD} more. The two ranges must not overlap.
   *
   * @return the bytes written
   */
  public int seal(byte[] source, int offset, int length, byte[] target, int targetOffset) {
    byte[] iv = new byte[IV_LENGTH];
    do {
      RANDOM.nextBytes(iv);
    } while (isZero(iv));
    return seal(source, offset, length, target, targetOffset, iv);
  }

  /** Seals with a given initialisation vector, for comparing with known results only. */
  int seal(byte[] source, int offset, int length, byte[] target, int targetOffset, byte[] iv) {
    Objects.checkFromIndexSize(offset, length, source.length);
    Objects.checkFromIndexSize(targetOffset, length + OVERHEAD, target.length);
    Ciphers use = ciphers.take();
    try {
      System.arraycopy(iv, 0, use.iv, 0, IV_LENGTH);
      System.arraycopy(iv, 0, target, targetOffset, IV_LENGTH);
      int body = targetOffset + IV_LENGTH;
      use.apply(source, offset, length, target, body);
      use.oneTimeOf();
      poly1305.tag(use.oneTime, target, body, length, target, body + length);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES takes any bytes", e);
    }
    ciphers.give(use);
    return length + OVERHEAD;
  }

  /** Seals all of {@code plaintext}. */
  public byte[] seal(byte[] plaintext) {
    byte[] sealed = new byte[plaintext.length + OVERHEAD];
    seal(plaintext, 0, plaintext.length, sealed, 0);
    return sealed;
  }

  /**
   * Opens {@code length} sealed bytes into {@code target}, which must have room for {@code length}
   * less {@link #OVERHEAD} bytes. The two ranges must not overlap. Nothing is written unless the
   * tag is right.
   *
   * @return the bytes written
   * @throws RepositoryException as damaged, if the bytes are too few or not sealed with this key;
   *     the message is the bare fact, for the caller knows the object
   */
  public int open(byte[] sealed, int offset, int length, byte[] target, int targetOffset) {
    Objects.checkFromIndexSize(offset, length, sealed.length);
    if (length < OVERHEAD) {
      throw RepositoryException.damaged(
          "%d bytes are too few for a sealed object, which has at least %d"
              .formatted(length, OVERHEAD),
          null);
    }
    if (!tryOpen(sealed, offset, length, target, targetOffset)) {
      throw RepositoryException.damaged("authentication failed", null);
    }
    return length - OVERHEAD;
  }

  /** Opens {@code length} sealed bytes, as the other form does. */
  public byte[] open(byte[] sealed, int offset, int length) {
    byte[] plaintext = new byte[Math.max(0, length - OVERHEAD)];
    open(sealed, offset, length, plaintext, 0);
    return plaintext;
  }

  /** Opens if the tag is right. */
  boolean tryOpen(byte[] sealed, int offset, int length, byte[] target, int targetOffset) {
    int body = offset + IV_LENGTH;
    int bodyLength = length - OVERHEAD;
    Objects.checkFromIndexSize(targetOffset, bodyLength, target.length);
    Ciphers use = ciphers.take();
    boolean authentic;
    try {
      System.arraycopy(sealed, offset, use.iv, 0, IV_LENGTH);
      use.oneTimeOf();
      poly1305.tag(use.oneTime, sealed, body, bodyLength, use.tag, 0);
      authentic = isEqual(use.tag, sealed, body + bodyLength);
      if (authentic) {
        use.apply(sealed, body, bodyLength, target, targetOffset);
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES takes any bytes", e);
    }
    ciphers.give(use);
    return authentic;
  }

  /** Compares in a time that does not depend on the bytes. */
  private static boolean isEqual(byte[] tag, byte[] sealed, int offset) {
    int difference = 0;
    for (int i = 0; i < Poly1305.LENGTH; i++) {
      difference |= tag[i] ^ sealed[offset + i];
    }
    return difference == 0;
  }

  private static boolean isZero(byte[] iv) {
    return MessageDigest.isEqual(iv, new byte[IV_LENGTH]);
  }

  /** Names the kind of object only, never the key. */
  @Override
  public String toString() {
    return "MasterKey";
  }
}
