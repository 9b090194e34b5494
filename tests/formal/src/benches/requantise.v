  // Every P that the compiler allows: the rounded sum fits 48 signed bits, 1 <= s <= 47.
  wire [47:0] total = {total_upper, total_lower};
  wire [5:0] s = places;
  wire signed [63:0] p = $signed(total);
  wire signed [63:0] half = 64'sd1 << (s - 6'd1);
  wire signed [63:0] rounded = p + half;
  always @* begin
    assume (s >= 1 && s <= 47);
    assume (rounded < 64'sd140737488355328);
    assume ($signed(lo) <= $signed(hi));
  end
  // The formula. Clamps and zero point arrive two cycles after P.
  reg signed [63:0] shifted, quotient;
  reg positive_p;
  reg started = 1'b0, going = 1'b0, running = 1'b0;
  always @(posedge clock) begin
    shifted <= rounded >>> s;
    quotient <= shifted;
    positive_p <= p > 0;
    started <= 1'b1;
    going <= started;
    running <= going;
  end
  wire signed [63:0] moved = quotient + $signed(z_out);
  wire signed [63:0] least = $signed(lo), most = $signed(hi);
  reg [7:0] expected;
  always @(posedge clock) expected <= moved < least ? lo : moved > most ? hi : moved[7:0];
  always @* begin
    if (started) assert (positive == positive_p);
    if (running) assert (value == expected);
  end
