  // The master: what waits holds still.
  reg past_aw, past_w, past_ar, past_b, past_r;
  reg [15:0] past_awaddr, past_araddr;
  reg [31:0] past_wdata, past_rdata;
  reg [3:0] past_wstrb;
  always @(posedge clock) begin
    past_aw <= awvalid && !awready && !reset;
    past_w <= wvalid && !wready && !reset;
    past_ar <= arvalid && !arready && !reset;
    past_b <= bvalid && !bready && !reset;
    past_r <= rvalid && !rready && !reset;
    past_awaddr <= awaddr;
    past_araddr <= araddr;
    past_wdata <= wdata;
    past_wstrb <= wstrb;
    past_rdata <= rdata;
  end
  always @* if (!first) begin
    assume (!past_aw || (awvalid && awaddr == past_awaddr));
    assume (!past_w || (wvalid && wdata == past_wdata && wstrb == past_wstrb));
    assume (!past_ar || (arvalid && araddr == past_araddr));
  end
  // The model: accesses that wait for their answer, and the value that a read saw.
  reg [2:0] writes, reads;
  reg [31:0] seen;
  reg [15:0] asked;
  wire [31:0] mask = {{8{wstrb[3]}}, {8{wstrb[2]}}, {8{wstrb[1]}}, {8{wstrb[0]}}};
  always @(posedge clock) begin
    if (reset) begin
      writes <= 0;
      reads <= 0;
    end else begin
      writes <= writes + (awvalid && awready) - (bvalid && bready);
      reads <= reads + (arvalid && arready) - (rvalid && rready);
    end
    if (arvalid && arready) asked <= {araddr[15:2], 2'd0};
    if (read) seen <= read_data;
  end
  always @* if (!first) begin
    // Answers hold still, and there is one per access.
    if (past_b) assert (bvalid);
    if (past_r) assert (rvalid && rdata == past_rdata);
    assert (writes <= 1 && bvalid == writes);
    assert (reads <= 1 && (rvalid || read) == reads && !(rvalid && read));
    if (rvalid) assert (rdata == seen);
    // Address and data of a write are taken together, and written then.
    assert ((awvalid && awready) == (wvalid && wready));
    assert (write == (awvalid && awready));
    if (write) assert (write_address == {awaddr[15:2], 2'd0} && write_data == wdata && write_mask == mask);
    if (read) assert (read_address == asked);
    // Never a hang: what is offered is taken at once unless an answer waits.
    if (awvalid && wvalid && !bvalid) assert (awready && wready);
    if (arvalid && !rvalid && !read) assert (arready);
  end
