"""Makes Inter-Subset.ttf, the font of the report's charts, from the variable font Inter.

usage: pip install fonttools==4.68.0 fontpkg-inter==4.1.post1 && python subset.py

One weight, no hints, the characters that charts in European languages need; others are drawn by the
reader's own fonts. Inter is under the SIL Open Font License (OFL.txt beside this file), which allows subsets.
"""
import io
import shutil
from pathlib import Path

import fontpkg_inter
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

package = Path(fontpkg_inter.__file__).parent
here = Path(__file__).parent
font = TTFont(package / "files" / "Inter[opsz,wght].ttf", recalcTimestamp=False)
font = instancer.instantiateVariableFont(font, {"wght": 440, "opsz": 14})
static = io.BytesIO()
font.save(static)
static.seek(0)

options = subset.Options()
options.hinting = False
options.layout_features = ["kern", "tnum"]
options.name_IDs = [0, 1, 2, 13, 14]  # copyright, names, licence
options.notdef_outline = True
options.recalc_timestamp = False
font = subset.load_font(static, options)
subsetter = subset.Subsetter(options)
ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2026), (0x2030, 0x203A)]
others = [0x2190, 0x2192, 0x2212, 0x221A, 0x2248, 0x2260, 0x2264, 0x2265, 0x20AC, 0x3A3, 0x3BC, 0x3C3]
subsetter.populate(unicodes=[c for a, b in ranges for c in range(a, b + 1)] + others)
subsetter.subset(font)
subset.save_font(font, here / "Inter-Subset.ttf", options)
shutil.copy(package / "LICENSE", here / "OFL.txt")
print((here / "Inter-Subset.ttf").stat().st_size, "bytes")
