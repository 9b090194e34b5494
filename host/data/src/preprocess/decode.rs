//! JPEG and PNG files to pixels.

use std::io::Cursor;
use std::path::Path;

use ::image::{DynamicImage, ImageFormat, ImageReader};

use super::colour::luminance;
use super::image::Image;
use crate::Colour;

/// Reads an image file, whatever its name says. Transparency is left out, 16-bit channels become 8-bit ones, and the
/// orientation that a camera noted is not followed, all as torchvision's folders have it.
///
/// The error is the cause in words: unreadable, of another format, truncated, or damaged.
pub(super) fn decode(path: &Path, colour: Colour, out: &mut Image<u8>) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read ({error})"))?;
    let format = ::image::guess_format(&bytes).ok();
    match format {
        Some(ImageFormat::Jpeg) if is_cut(&bytes) => return Err("the JPEG file is truncated".into()),
        Some(ImageFormat::Jpeg | ImageFormat::Png) => {}
        _ => return Err("neither a JPEG nor a PNG file".into()),
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let image = reader.map_err(|error| error.to_string())?.decode();
    let image = image.map_err(|error| format!("cannot be decoded ({error})"))?;
    (out.height, out.width) = (image.height() as usize, image.width() as usize);
    out.channels = colour.channels();
    out.values = match colour {
        Colour::Rgb => image.into_rgb8().into_raw(),
        Colour::Grey if image.color().has_color() => grey(image),
        Colour::Grey => image.into_luma8().into_raw(),
    };
    Ok(())
}

fn grey(image: DynamicImage) -> Vec<u8> {
    image.into_rgb8().pixels().map(|pixel| luminance(pixel.0)).collect()
}

/// Whether no end marker follows the last scan. The decoder would fill the rest of such a file with grey. Neither marker
/// can occur inside of a scan, and an embedded preview ends before the first scan begins.
fn is_cut(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|pair| pair == marker);
    let (start_of_scan, end_of_image) = (last([0xff, 0xda]), last([0xff, 0xd9]));
    end_of_image.is_none() || end_of_image < start_of_scan
}

#[cfg(test)]
pub(crate) mod tests {
    use ::image::{ExtendedColorType, ImageBuffer, Rgb};

    use super::*;

    /// A smooth RGB picture.
    pub(crate) fn picture(height: u32, width: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
        ImageBuffer::from_fn(width, height, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, (x + y) as u8]))
    }

    fn read(path: &Path, colour: Colour) -> Result<Image<u8>, String> {
        let mut image = Image::default();
        decode(path, colour, &mut image).map(|()| image)
    }

    #[test]
    fn formats_are_told_by_content_and_colours_converted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture.JPEG");
        let source = picture(20, 30);
        source.save_with_format(&path, ImageFormat::Png).unwrap();
        let exact = read(&path, Colour::Rgb).unwrap();
        assert_eq!((exact.height, exact.width, exact.channels), (20, 30, 3));
        assert_eq!(exact.values, source.as_raw().as_slice());
        let grey = read(&path, Colour::Grey).unwrap();
        assert_eq!(grey.channels, 1);
        // Red 87, green 95, blue 48: 0.299, 0.587 and 0.114 of them.
        assert_eq!((grey.values.len(), grey.values[19 * 30 + 29]), (600, 87));

        source.save_with_format(&path, ImageFormat::Jpeg).unwrap();
        let lossy = read(&path, Colour::Rgb).unwrap();
        let far = lossy.values.iter().zip(&exact.values).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far.unwrap() < 40, "{far:?}");

        ::image::save_buffer_with_format(&path, &[7, 9], 2, 1, ExtendedColorType::L8, ImageFormat::Png)
            .unwrap();
        assert_eq!(read(&path, Colour::Rgb).unwrap().values, [7, 7, 7, 9, 9, 9]);
        assert_eq!(read(&path, Colour::Grey).unwrap().values, [7, 9]);
        let deep: Vec<u8> = [0x1234_u16, 0xffff].iter().flat_map(|value| value.to_ne_bytes()).collect();
        ::image::save_buffer_with_format(&path, &deep, 2, 1, ExtendedColorType::L16, ImageFormat::Png)
            .unwrap();
        assert_eq!(read(&path, Colour::Grey).unwrap().values, [0x12, 0xff]);
    }

    #[test]
    fn what_is_cut_or_no_image_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture");
        let message = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path, Colour::Rgb).unwrap_err()
        };
        for (format, expected) in [(ImageFormat::Jpeg, "truncated"), (ImageFormat::Png, "cannot be decoded")]
        {
            picture(40, 50).save_with_format(&path, format).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            for keep in [bytes.len() * 9 / 10, bytes.len() / 2] {
                let text = message(&bytes[..keep]);
                assert!(text.contains(expected), "{format:?}, {keep} of {} bytes: {text}", bytes.len());
            }
            // The rest of a file that was never downloaded.
            let mut zeros = bytes.clone();
            zeros[bytes.len() / 2..].fill(0);
            message(&zeros);
        }
        assert_eq!(message(b""), "neither a JPEG nor a PNG file");
        assert_eq!(message(b"GIF89a"), "neither a JPEG nor a PNG file");
        assert!(read(&dir.path().join("none"), Colour::Rgb).unwrap_err().contains("cannot be read"));
    }
}
